"""`mcmock compare`, over files and a running server, and the same question to the control API and the fixture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from click.testing import Result

from mcmock.cli import main
from mcmock.serialization.json_schemas import SHAPES
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner
from tests.player import Player

ADS, EDGE_ADS = "fixtures/clients/js3__ads.jsonl", "fixtures/edge/alloy__ads.jsonl"
ROOT = Path(__file__).parents[2]


def compared(*arguments: str) -> Result:
    return cli_runner().invoke(main, ["compare", *arguments])


def two_sessions(server: McmockServer) -> tuple[str, str]:
    for name in ("The Long Tide", "The Short Tide"):
        player = Player(server, name)
        player.send(0, "play", 0)
        player.send(10, "ping", 10)
        player.send(20, "sessionComplete", 20)
    old, new = server.sessions()
    return old.id, new.id


def ask(server: McmockServer, **query: Any) -> tuple[int, Any]:
    try:
        with urlopen(f"{server.admin_url}/compare?{urlencode(query)}") as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


# -- the command --------------------------------------------------------------------------------------------------------------


def test_the_story_by_both_apis_is_the_same_and_the_command_names_what_is_known() -> None:
    done = compared(ADS, EDGE_ADS)
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.findall(r"^  ([a-z-]+) \((\d+)\):", done.stdout, re.M) == [
        ("repeated-play", "4"), ("play-before-ads", "1"), ("whole-numbers", "9"), ("set-elsewhere", "9"),
    ]  # fmt: skip
    strict = compared(ADS, EDGE_ADS, "--count-known")
    assert strict.exit_code == 1
    assert "23 differences: 9 different, 13 lost, 1 new" in strict.stdout


def test_the_json_is_what_the_control_api_says_it_is() -> None:
    done = compared(ADS, EDGE_ADS, "--format", "json")
    answer = json.loads(done.stdout)
    assert answer.keys() == SHAPES["Comparison"]["properties"].keys()
    assert (answer["result"], answer["old"]["protocol"], answer["new"]["protocol"]) == (
        "pass", "media-collection", "media-edge",
    )  # fmt: skip


def test_github_gets_an_annotation() -> None:
    done = compared(ADS, "fixtures/clients/js3__vod.jsonl", "--format", "github")
    assert done.exit_code == 1
    assert done.stdout.startswith("::error title=mcmock compare::old  fixtures/clients/js3__ads.jsonl%0A")


def test_what_cannot_be_read_is_one_line_and_two(tmp_path: Path) -> None:
    (tmp_path / "empty.har").write_text("")
    for path, said in [
        (tmp_path / "empty.har", "the file is empty"),
        (tmp_path / "none.har", "No such file or directory"),
    ]:
        done = compared(ADS, str(path))
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"mcmock: {path}: {said}\n"


def test_where_there_are_several_sessions_one_is_chosen_by_its_id(mcmock_server: McmockServer) -> None:
    old, new = two_sessions(mcmock_server)
    url = mcmock_server.url
    asked = compared(url, ADS)
    assert asked.exit_code == 2
    assert asked.stderr == (
        f"mcmock: {url}: there are 2 sessions: say which, by the first letters of its id: #{old[:8]}, #{new[:8]}\n"
    )
    nobody = compared(f"{url}#zz", ADS)
    assert nobody.stderr == f"mcmock: {url}: there is no session 'zz'; there are #{old[:8]}, #{new[:8]}\n"
    done = compared(f"{url}#{old[:12]}", f"{url}#{new[:12]}")
    assert done.exit_code == 1
    assert '  ! media.name  "The Long Tide" -> "The Short Tide"' in done.stdout


def test_a_file_with_the_sign_in_its_name_is_a_file(tmp_path: Path) -> None:
    odd = tmp_path / "take#2.jsonl"
    odd.write_bytes((ROOT / ADS).read_bytes())
    assert compared(str(odd), ADS).exit_code == 0


# -- the control API ------------------------------------------------------------------------------------------------------------


def test_the_control_api_compares(mcmock_server: McmockServer) -> None:
    old, new = two_sessions(mcmock_server)
    status, answer = ask(mcmock_server, old=old, new=new)
    assert (status, answer["result"]) == (200, "fail")
    assert ("params", "different", "media.name", "The Long Tide", "The Short Tide") in [
        tuple(one[key] for key in ("part", "change", "name", "old", "new")) for one in answer["differences"]
    ]
    assert [pair["eventType"] for pair in answer["pairs"]] == ["sessionStart", "play", "ping", "sessionComplete"]
    assert ask(mcmock_server, old=old, new=old)[1]["result"] == "pass"
    status, answer = ask(mcmock_server, old=old, new=new, strict=1)
    assert (status, answer["error"]["code"]) == (409, "not-passed")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 400, "old is missing: compare wants old and new, the ids of two sessions"),
        ({"old": "x", "new": "y"}, 404, "there is no session x"),
        ({"within": "nan"}, 400, "within must be 0 to 3600 seconds, not 'nan'"),
        ({"within": "-1"}, 400, "within must be 0 to 3600 seconds, not '-1'"),
        ({"countKnown": "yes"}, 400, "countKnown must be 0 or 1, not 'yes'"),
    ],
)  # fmt: skip
def test_what_it_cannot_take(query: dict[str, str], status: int, said: str, mcmock_server: McmockServer) -> None:
    old, new = two_sessions(mcmock_server)
    named = {"old": old, "new": new} if query and "old" not in query else {}
    answered, answer = ask(mcmock_server, **{**named, **query})
    assert (answered, answer["error"]["message"]) == (status, said)


# -- the fixture --------------------------------------------------------------------------------------------


def test_the_fixture_takes_sessions_ids_and_recordings(mcmock_server: McmockServer) -> None:
    old, new = two_sessions(mcmock_server)
    done = mcmock_server.assert_same_report(str(ROOT / ADS), ROOT / EDGE_ADS)
    assert set(done.set_apart) == {"repeated-play", "play-before-ads", "whole-numbers", "set-elsewhere"}
    with pytest.raises(AssertionError, match=r'  ! media.name  "The Long Tide" -> "The Short Tide"'):
        mcmock_server.assert_same_report(old, mcmock_server.session(new))
    with pytest.raises(AssertionError, match="! contentTimeSpent"):
        mcmock_server.assert_same_report(str(ROOT / ADS), old)
    with pytest.raises(FileNotFoundError):
        mcmock_server.assert_same_report(old, "neither")


def test_events_alone_do_not_make_another_report(mcmock_server: McmockServer) -> None:
    for pings in ([10], []):
        player = Player(mcmock_server, "film")
        player.send(0, "play", 0)
        for at in pings:
            player.send(at, "ping", at)
        player.send(20, "sessionComplete", 20)
    old, new = mcmock_server.sessions()
    done = mcmock_server.assert_same_report(old, new)
    assert [one.name for one in done.counted()] == ["pings"]
    with pytest.raises(AssertionError, match=r"media\.length"):
        mcmock_server.assert_same_report(str(ROOT / ADS), str(ROOT / EDGE_ADS), count_known=True)
