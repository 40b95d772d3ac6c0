"""A session of one API as the other's requests: taken as they are, with the same report, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mcmock.analytics.views import SessionView
from mcmock.checks.comparison import compare
from mcmock.cli import main
from mcmock.core.model import TAKEN, Kind
from mcmock.protocols.base import Account
from mcmock.protocols.media_edge.routes import DEFAULT_HINT
from mcmock.protocols.registry import protocol_named
from mcmock.recordings import formats
from mcmock.recordings.check import Checkup, checkup
from mcmock.recordings.conversion import Conversion, convert
from mcmock.recordings.files import check
from mcmock.serialization import ndjson
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner

FIXTURES = Path(__file__).parents[2] / "fixtures"
CLIENTS = sorted((FIXTURES / "clients").glob("*.jsonl"))
EDGE_CLIENTS = sorted((FIXTURES / "edge").glob("*.jsonl"))
TIMELINES = sorted((FIXTURES / "timelines").glob("*.json"))
EDGE, FIRST = protocol_named("media-edge"), protocol_named("media-collection")


def read_again(conversion: Conversion) -> Checkup:
    return checkup(formats.read(b"".join(ndjson.write(conversion.exchanges))), "converted")


def rules(views: Iterable[SessionView]) -> set[str]:
    return {found.rule for view in views for found in view.findings}


def account_of(view: SessionView) -> Account:
    params = view.report.params
    return Account(
        "datastream", str(params.get("analytics.reportSuite")), str(params.get("analytics.trackingServer")),
        str(params.get("visitor.marketingCloudOrgId")),
    )  # fmt: skip


# -- whole recordings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*CLIENTS, *TIMELINES[::4]], ids=lambda path: path.stem)
def test_what_was_recorded_of_the_first_api_says_the_same_in_the_second(path: Path) -> None:
    done = check(path)
    conversion = convert(done.sessions, EDGE, Account())
    again = read_again(conversion)
    assert {one.verdict for one in conversion.exchanges} <= {*TAKEN}
    assert rules(again.sessions) - rules(done.sessions) == set()
    for old, new in zip(done.sessions, again.sessions, strict=True):
        found = compare(old, new)
        assert found.counted() == ()
        assert set(found.set_apart) <= {"whole-numbers", "set-elsewhere", "states-in-one-update"}


_NO_PLACE = {
    "alloy__metadata": {
        "bad key!",
        "myé",
        "custom_obj",
    },  # names that are refused there, and an object, which becomes text
    "theo01__preroll": {"sessionDetails.ID"},
}


@pytest.mark.parametrize("path", EDGE_CLIENTS, ids=lambda path: path.stem)
def test_what_was_recorded_of_the_second_api_says_the_same_in_the_first(path: Path) -> None:
    done = check(path)
    conversion = convert(done.sessions, FIRST, Account())
    assert {one.verdict for one in conversion.exchanges} <= {*TAKEN}
    again = read_again(conversion).sessions
    differ = {one.name for old, new in zip(done.sessions, again, strict=True) for one in compare(old, new).counted()}
    assert differ == _NO_PLACE.get(path.stem, set())


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.stem)
def test_there_and_back_only_what_the_mapping_cuts_differs(path: Path) -> None:
    done = check(path)
    account = account_of(done.sessions[0])
    there = read_again(convert(done.sessions, EDGE, account))
    back = read_again(convert(there.sessions, FIRST, account))
    for old, new in zip(done.sessions, back.sessions, strict=True):
        assert old.id == new.id
        real = [one for one in compare(old, new).counted() if not _is_cut(one.old, one.new)]
        assert {one.name for one in real} <= _SET_ELSEWHERE


_SET_ELSEWHERE = {
    "media.libraryVersion", "analytics.enableSSL", "analytics.visitorId", "analytics.aid", "visitor.aamLocationHint",
    "visitor.customerIDs",
}  # fmt: skip


def _is_cut(old: Any, new: Any) -> bool:
    """Return whether one is the whole number next to the other: what makes the Media Edge API's fields of it."""
    return isinstance(old, int | float) and isinstance(new, int) and abs(old - new) < 1


# -- single requests ----------------------------------------------------------------------------------------------------------


def test_an_event_of_the_first_api_as_the_second_has_it() -> None:
    (view,) = check(FIXTURES / "clients" / "js3__states.jsonl").sessions
    written = convert([view], EDGE, Account("my stream")).exchanges
    start, update = written[0], next(one for one in written if one.event_type == "statesUpdate")
    assert (start.kind, start.path) == (Kind.SESSION, "/ee/va/v1/sessionStart?configId=my%20stream")
    assert update.path == f"/ee/{DEFAULT_HINT}/va/v1/statesUpdate?configId=my%20stream"
    xdm = update.body["events"][0]["xdm"]
    assert xdm["mediaCollection"] == {"sessionID": view.id, "playhead": 1, "statesStart": [{"name": "fullscreen"}]}
    assert xdm["timestamp"].endswith("Z")
    assert start.body["events"][0]["xdm"]["identityMap"]["ECID"][0]["id"].isdigit()


def test_what_was_not_taken_is_left_out_and_counted() -> None:
    (view,) = check(FIXTURES / "conformance" / "C-20.json").sessions
    conversion = convert([view], EDGE, Account())
    sent = [one for one in view.exchanges if one.kind in (Kind.SESSION, Kind.EVENT)]
    assert len(conversion.exchanges) + conversion.not_taken == len(sent)
    assert conversion.not_taken > 0


def test_a_session_whose_start_is_not_recorded_is_written_from_its_first_event_on() -> None:
    lines = (FIXTURES / "clients" / "js3__vod.jsonl").read_bytes().splitlines()
    (view,) = checkup(formats.read(b"\n".join(lines[4:])), "cut").sessions
    conversion = convert([view], EDGE, Account())
    assert [one.verdict in TAKEN for one in conversion.exchanges] == [True] * len(view.events)
    assert "sessionStart" not in view.events


# -- the command ----------------------------------------------------------------------------------------------------------------


def converted(*arguments: str) -> Result:
    return cli_runner().invoke(main, ["convert", *arguments])


@pytest.mark.parametrize(
    ("name", "to", "requests"),
    [("fixtures/edge/alloy__ads.jsonl", "media-collection", 16), ("fixtures/clients/js3__ads.jsonl", "media-edge", 19)],
)  # fmt: skip
def test_the_file_is_compared_checked_and_replayed(
    name: str, to: str, requests: int, tmp_path: Path, mcmock_server: McmockServer
) -> None:
    out = str(tmp_path / "out.ndjson")
    done = converted(name, "--to", to, "--output", out)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[0] == f"mcmock: wrote {requests} requests of 1 session to {out}"
    run = cli_runner().invoke
    assert run(main, ["compare", name, out]).exit_code == 0
    assert run(main, ["check", out]).exit_code == 0
    replayed = run(main, ["replay", out, "--to", mcmock_server.url, "--flat-out"])
    assert replayed.exit_code == 0, replayed.output
    assert mcmock_server.session().report.ad_count == 3


def test_what_has_no_place_is_named(tmp_path: Path) -> None:
    done = converted("fixtures/clients/js3__ads.jsonl", "--to", "media-edge", "--output", str(tmp_path / "out.ndjson"))
    assert "mcmock: no place for analytics.trackingServer, " in done.stderr


def test_without_a_file_it_goes_to_stdout() -> None:
    done = converted("fixtures/edge/alloy__ads.jsonl", "--to", "media-collection", "--report-suite", "my.suite")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["mcmock"] == 1
    assert lines[1]["path"] == "/api/v1/sessions"
    assert lines[1]["body"]["params"]["analytics.reportSuite"] == "my.suite"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.har", "--to", "media-edge"), "none.har: No such file or directory"),
        (("fixtures/edge/alloy__ads.jsonl#zz", "--to", "media-edge"), "there is no session 'zz'"),
        (("fixtures/edge/alloy__ads.jsonl", "--to", "analytics"), "'analytics' is not one of"),
        (("fixtures/edge/alloy__ads.jsonl", "--to", "media-edge", "--output", "no/such/folder"), "No such file or directory"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = converted(*arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
