"""docs/control-api.md names every route and event there is, and its examples run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from mcmock.serialization import ndjson
from mcmock.server.admin import feed
from mcmock.server.admin.json_answers import encoded
from mcmock.server.admin.routes import ROUTES
from mcmock.server.endpoint import PREFIX
from mcmock.testing.server import McmockServer
from tests import programs
from tests.conftest import start
from tests.project.test_docs import environment

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "control-api.md").read_text()
UNTOLD = {("GET", ""), ("GET", "/inspector/{file}")}
"""Routes that only the inspector page itself needs."""


def test_every_route_is_in_the_table_and_no_other() -> None:
    told = set(re.findall(rf"^\| `([A-Z]+) {PREFIX}(\S*)` \|", PAGE, re.M))
    assert told == {(row.method, row.template) for row in ROUTES} - UNTOLD


def test_every_event_of_the_stream_is_in_the_table() -> None:
    table = PAGE.partition("| event | data |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(feed.EVENTS)


@pytest.mark.parametrize("file", ["control-api.mjs", "control-api.sh"])
def test_the_examples_run(file: str, tmp_path: Path) -> None:
    program = {"mjs": "node", "sh": "sh"}[file.rpartition(".")[2]]
    if program == "node":
        programs.need("node", f"docs/examples/{file}")
    command = [sys.executable, "-m", "mcmock", "exec", "--", program, str(DOCS / "examples" / file)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_a_bug_of_ours_is_an_error_in_the_apis_form(
    mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(mcmock_server.emulator.queries, "summary", broken)
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{mcmock_server.admin_url}/summary")
    with caught.value as answer:
        assert answer.status == 500
        assert json.load(answer) == {"error": {"code": "broken", "message": "mcmock failed: KeyError('a bug')"}}
    assert "GET /__admin/summary failed" in caplog.text


def test_a_download_that_breaks_off_does_not_look_whole(
    mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[bytes]:
        yield b"x" * 100_000
        raise KeyError("a bug")

    monkeypatch.setattr(ndjson, "write", broken)
    with pytest.raises((HTTPException, OSError)), urlopen(f"{mcmock_server.admin_url}/requests.ndjson") as answer:
        answer.read()


def test_sessions_have_pages_from_the_latest_to_the_first(mcmock_server: McmockServer) -> None:
    opened = [start(mcmock_server.emulator) for _ in range(5)]
    for brief in ("", "&brief=1"):
        shown: list[str] = []
        query = f"sessions?limit=2{brief}"
        while query:
            with urlopen(f"{mcmock_server.admin_url}/{query}") as answer:
                page = json.load(answer)
            assert page["total"] == 5
            shown = [one["id"] for one in page["sessions"]] + shown
            query = f"sessions?limit=2{brief}&before={page['next']}" if page["next"] else ""
        assert shown == opened
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{mcmock_server.admin_url}/sessions?before=nobody")
    with caught.value as answer:
        assert answer.status == 400


def test_a_long_answer_is_the_json_that_it_would_be_in_one_piece() -> None:
    value: dict[str, object] = {"a": [{"b": [*range(100)], "c": "é"}, {"d": {}}, *range(40), []], "e": {}, "f": []}
    value["g"] = {str(number): number for number in range(200)}
    assert json.loads(b"".join(encoded(value))) == value
    assert b"".join(encoded({"list": [b'{"made": 1}', {"not": 2}]})) == b'{"list": [{"made": 1}, {"not": 2}]}'
