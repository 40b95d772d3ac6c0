"""Faults by the control API, from files, and from the fixture: one format, four ways in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mcmock import faults
from mcmock.cli.reload import WatchedFile
from mcmock.engine import Emulator
from mcmock.testing.server import McmockServer
from tests.conftest import body, post, send, start

TOML = """
[[fault]]
name = "mine"
match = { event = "ping" }
times = 2
effect = { type = "status", code = 503, headers = { Retry-After = "5" } }

[[fault]]
effect = "reset"
"""


def ask(server: McmockServer, method: str, path: str, value: Any = None) -> tuple[int, Any]:
    content = None if value is None else json.dumps(value).encode()
    request = Request(server.admin_url + path, content, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]


def names(server: McmockServer) -> list[str]:
    return [fault["name"] for fault in ask(server, "GET", "/faults")[1]["faults"]]


# -- control API ----------------------------------------------------------------------------------------------------------


def test_faults_are_added_listed_with_hits_and_removed(mcmock_server: McmockServer) -> None:
    status, added = ask(
        mcmock_server, "POST", "/faults", {"effect": {"type": "status", "code": 503}, "match": {"event": "ping"}}
    )
    assert (status, added["name"], added["hits"], added["active"]) == (200, "status", 0, True)
    sid = start(mcmock_server.emulator)
    send(mcmock_server.emulator, sid, "ping")
    assert ask(mcmock_server, "GET", "/faults/status")[1]["hits"] == 1
    assert [fault["matched"] for fault in ask(mcmock_server, "GET", "/faults")[1]["faults"]] == [1]
    assert ask(mcmock_server, "DELETE", "/faults/status") == (200, {})
    assert names(mcmock_server) == []


def test_all_faults_are_replaced_at_once_and_a_list_can_be_sent_back(mcmock_server: McmockServer) -> None:
    ask(mcmock_server, "POST", "/faults", {"effect": "reset"})
    status, put = ask(mcmock_server, "PUT", "/faults", {"faults": [{"effect": "close"}, {"effect": "hang"}]})
    assert (status, [fault["name"] for fault in put["faults"]]) == (200, ["close", "hang"])
    assert ask(mcmock_server, "PUT", "/faults", ask(mcmock_server, "GET", "/faults")[1]) == (200, put)
    assert ask(mcmock_server, "DELETE", "/faults") == (200, {})
    assert names(mcmock_server) == []


def test_a_wrong_fault_is_refused_and_changes_nothing(mcmock_server: McmockServer) -> None:
    ask(mcmock_server, "POST", "/faults", {"effect": "reset", "name": "mine"})
    wrong = {"effect": {"type": "status", "code": 42}}
    message = "fault: effect.code must be a whole number from 200 to 599, not 42"
    assert ask(mcmock_server, "POST", "/faults", wrong) == (400, {"code": "bad-request", "message": message})
    assert ask(mcmock_server, "PUT", "/faults", [{"effect": "close"}, wrong])[0] == 400
    assert ask(mcmock_server, "POST", "/faults", {"effect": "close", "name": "mine"})[0] == 409
    assert ask(mcmock_server, "POST", "/faults")[0] == 400
    assert names(mcmock_server) == ["mine"]


def test_what_is_not_there_is_404(mcmock_server: McmockServer) -> None:
    for method, path in [("GET", "/faults/none"), ("DELETE", "/faults/none"), ("POST", "/presets/none")]:
        assert ask(mcmock_server, method, path)[0] == 404


def test_presets_are_listed_and_applied_as_often_as_one_likes(mcmock_server: McmockServer) -> None:
    listed = ask(mcmock_server, "GET", "/presets")[1]["presets"]
    assert [preset["name"] for preset in listed] == list(faults.PRESETS)
    for _ in range(2):
        status, applied = ask(mcmock_server, "POST", "/presets/flaky")
        assert (status, [fault["name"] for fault in applied["faults"]]) == (200, ["flaky-reset", "flaky-500"])
    assert names(mcmock_server) == ["flaky-reset", "flaky-500"]


def test_the_schema_of_a_fault_is_served(mcmock_server: McmockServer) -> None:
    assert ask(mcmock_server, "GET", "/faults.schema.json") == (200, json.loads(json.dumps(faults.rule_schema())))


def test_each_exchange_tells_which_fault_met_it(mcmock_server: McmockServer) -> None:
    ask(mcmock_server, "POST", "/faults", {"effect": "close", "name": "mine", "probability": 0.999999, "side": "after"})
    mcmock_server.emulator.handle(post("/api/v1/sessions", body("sessionStart")))
    (exchange,) = ask(mcmock_server, "GET", "/requests")[1]["requests"]
    assert exchange["fault"]["draw"] < 0.999999
    assert {**exchange["fault"], "draw": None} == {"rule": "mine", "effect": "close", "side": "after", "draw": None}


def test_losses_by_the_control_api(mcmock_server: McmockServer) -> None:
    sid = start(mcmock_server.emulator)
    mcmock_server.faults.add(faults.status(503, event="ping"))
    send(mcmock_server.emulator, sid, "ping")
    status, losses = ask(mcmock_server, "GET", "/losses")
    assert status == 200
    assert {name: losses[name] for name in ("faulted", "lost", "retried", "moved", "duplicated", "counted")} == {
        "faulted": 1, "lost": 1, "retried": 0, "moved": 0, "duplicated": 0, "counted": 0,
    }  # fmt: skip
    assert [(one["eventType"], one["fate"], one["fault"]["rule"]) for one in losses["requests"]] == [
        ("ping", "lost", "status")
    ]


def test_losses_have_pages(mcmock_server: McmockServer) -> None:
    sid = start(mcmock_server.emulator)
    mcmock_server.faults.add(faults.status(503, event="ping"))
    for number in range(5):
        send(mcmock_server.emulator, sid, "ping", number, ts=number)
    seen: list[list[int]] = []
    since: int | None = 0
    while since is not None:
        _, told = ask(mcmock_server, "GET", f"/losses?limit=2&since={since}")
        assert (told["faulted"], told["lost"]) == (5, 5)
        seen.append([one["seq"] for one in told["requests"]])
        since = told["next"]
    assert list(map(len, seen)) == [2, 2, 1]
    assert [seq for page in seen for seq in page] == [one.seq for one in mcmock_server.requests(event="ping")]


# -- fixture --------------------------------------------------------------------------------------------------------------


def test_the_fixture_adds_replaces_lists_and_clears(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.reset())
    assert mcmock_server.faults.add(faults.reset()).name == "reset-2"
    mcmock_server.faults.replace(faults.close(), faults.hang())
    mcmock_server.faults.preset("outage")
    assert [(state.rule.name, state.hits) for state in mcmock_server.faults] == [
        ("close", 0),
        ("hang", 0),
        ("outage", 0),
    ]
    assert mcmock_server.faults.remove("hang")
    assert not mcmock_server.faults.remove("hang")
    mcmock_server.faults.clear()
    assert list(mcmock_server.faults) == []


# -- files ----------------------------------------------------------------------------------------------------------------


def test_toml_and_json_hold_the_same_rules(tmp_path: Path) -> None:
    toml, as_json = tmp_path / "faults.toml", tmp_path / "faults.json"
    toml.write_text(TOML)
    rules = faults.load_file(toml)
    as_json.write_text(json.dumps({"faults": [rule.to_json() for rule in rules]}))
    assert faults.load_file(as_json) == rules
    assert [rule.effect for rule in rules] == ["status", "reset"]
    assert rules[0] == faults.status(503, None, {"Retry-After": "5"}, name="mine", event="ping", times=2)


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        ("[[fault]]\neffect = 'explode'", "toml", "fault 1: effect.type must be one of status, delay"),
        (TOML + "[[fault]]\nname = 'mine'\neffect = 'hang'", "toml", 'fault "mine" is there twice'),
        (
            "[[fault]]\nname = 'x'\neffect = 'hang'\nskip = 'a'",
            "toml",
            'fault 1: fault "x": skip must be a whole number',
        ),
        ("[[faul]]\n", "toml", "'faul' is not known here; faults stand in [[fault]] tables, or in a list"),
        ("[[fault]", "toml", "not TOML: "),
        ("{", "json", "not JSON: "),
        ("3", "json", "faults must be a list of objects, not 3"),
        ("", "yaml", "faults are read from .toml and .json files, not from .yaml"),
    ],
)
def test_a_wrong_file_is_refused_with_one_line_that_names_it(tmp_path: Path, text: str, form: str, line: str) -> None:
    path = tmp_path / f"faults.{form}"
    path.write_text(text)
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the line is compared
        faults.load_file(path)
    assert str(refused.value).startswith(f"{path}: {line}")
    assert "\n" not in str(refused.value)


class Watched:
    """A file of faults that is watched by an emulator; what was said about it."""

    def __init__(self, path: Path) -> None:
        self.path, self.said = path, list[str]()
        self.write(TOML)
        self.emulator = Emulator(seed=1, faults=faults.load_file(path))
        self.file = WatchedFile(path, self.emulator.begin_with_faults, self.said.append)

    def write(self, text: str) -> None:
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_text(text)
        os.utime(self.path, ns=(before + 10**9, before + 10**9))

    @property
    def effects(self) -> list[str]:
        return [state.rule.effect for state in self.emulator.faults()]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "faults.toml")
    assert not watched.file.look()
    watched.write("[[fault]]\neffect = 'hang'\n")
    assert watched.file.look()
    assert watched.effects == ["hang"]
    assert watched.said == [f"mcmock: {watched.path} was read again: 1 fault"]
    watched.emulator.reset()
    assert watched.effects == ["hang"]


@pytest.mark.parametrize("text", ["[[fault]", "[[fault]]\neffect = 'explode'\n", None])
def test_a_bad_file_leaves_the_old_rules_and_is_told_in_one_line_once(tmp_path: Path, text: str | None) -> None:
    watched = Watched(tmp_path / "faults.toml")
    if text is None:
        watched.path.unlink()
    else:
        watched.write(text)
    assert not watched.file.look()
    assert not watched.file.look()
    assert watched.effects == ["status", "reset"]
    (line,) = watched.said
    assert line.startswith(f"mcmock: {watched.path}: ")
    assert line.endswith("; the faults stay as they were")
    watched.write(TOML)
    assert watched.file.look()


# -- docs -----------------------------------------------------------------------------------------------------------------


def test_the_docs_tell_every_effect_with_its_attributes_sides_and_budget() -> None:
    page = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
    rows = {
        row[1].strip(" `"): row for row in (line.split("|") for line in page.splitlines() if line.startswith("| `"))
    }
    for name, effect in faults.EFFECTS.items():
        _, _, attributes, _, sides, fires, _ = rows[name]
        assert all(f"`{attribute}`" in attributes for attribute in effect.attributes), name
        assert sides.strip() == ", ".join(effect.sides), name
        assert fires.strip() == ("once" if effect.times == 1 else "until removed"), name


def test_the_docs_tell_every_key_of_a_rule() -> None:
    page = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
    for key in faults.rule_from_json({"effect": "reset"}).to_json():
        assert f"| `{key}`" in page, key
