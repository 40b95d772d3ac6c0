"""Files as editors and shells on other systems write them: a byte order mark, CRLF, UTF-16."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import mcmock
from mcmock.cli import config, main
from mcmock.core.text import decoded, utf8
from mcmock.faults import load_file
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner, send, start

FIXTURES = Path(__file__).parents[2] / "fixtures"

Rewrite = Callable[[bytes], bytes]

FORMS: dict[str, Rewrite] = {
    "mark": lambda text: b"\xef\xbb\xbf" + text,
    "crlf": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "mark and crlf": lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"),
    "utf-16": lambda text: text.decode().encode("utf-16"),
    "utf-16, big end first": lambda text: b"\xfe\xff" + text.decode().encode("utf-16-be"),
    "utf-32": lambda text: text.decode().encode("utf-32"),
}


@pytest.fixture(params=list(FORMS))
def rewrite(request: pytest.FixtureRequest) -> Rewrite:
    return FORMS[request.param]


def test_a_text_is_the_same_in_every_form(rewrite: Rewrite) -> None:
    assert decoded(rewrite("a = 'é'\nb\n".encode())) == "a = 'é'\nb\n"
    assert utf8(rewrite("é".encode())) == "é".encode()


def test_a_mark_that_promises_something_else_is_a_value_error() -> None:
    for wrong in (b"\xff\xfea", b"\xef\xbb\xbf\xff", b"\xff"):
        with pytest.raises(ValueError, match="codec can't decode"):
            decoded(wrong)


def test_a_config(tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "mcmock.toml"
    path.write_bytes(rewrite(b'port = 8411\ntls-name = [\n"a",\n]\n\n[[fault]]\neffect = {type = "close"}\n'))
    found = config.read(path)
    assert (found["port"], found["tls_name"], len(found["fault"])) == (8411, ("a",), 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("faults.toml", b'[[fault]]\neffect = {type = "close"}\nmatch = {event = "ping"}\n'),
        ("faults.json", b'[{"effect": {"type": "close"},\n "match": {"event": "ping"}}]\n'),
    ],
)
def test_a_file_of_faults(tmp_path: Path, rewrite: Rewrite, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    expected = load_file(tmp_path / name)
    (tmp_path / name).write_bytes(rewrite(text))
    assert load_file(tmp_path / name) == expected


@pytest.fixture
def recordings(tmp_path: Path) -> dict[str, bytes]:
    with McmockServer(seed=1) as server:
        send(server.emulator, start(server.emulator), "ping", 10)
        from mcmock.serialization import har, ndjson

        export = b"".join(ndjson.write(server.requests()))
        logged = server.emulator.requests()
        har_text = b"".join(har.write(logged))
    return {
        "a log export": export,
        "a HAR": har_text,
        "a timeline": (FIXTURES / "timelines" / "ads.json").read_bytes(),
        "a recording of a client": (FIXTURES / "clients" / "js3__vod.jsonl").read_bytes(),
    }


@pytest.mark.parametrize("kind", ["a log export", "a HAR", "a timeline", "a recording of a client"])
def test_a_recording(tmp_path: Path, rewrite: Rewrite, recordings: dict[str, bytes], kind: str) -> None:
    path = tmp_path / "recording"
    path.write_bytes(recordings[kind])
    expected = mcmock.check(path)
    path.write_bytes(rewrite(recordings[kind]))
    found = mcmock.check(path)
    assert found.kind == expected.kind == kind
    assert len(found.requests) == len(expected.requests) > 0
    assert found.problems == expected.problems


def test_a_recording_on_standard_input(rewrite: Rewrite, recordings: dict[str, bytes]) -> None:
    for text in recordings.values():
        done = cli_runner().invoke(main, ["check", "-", "--format", "json"], input=rewrite(text))
        assert done.exit_code in (0, 1), done.output
        assert json.loads(done.stdout)


def test_a_golden_session(tmp_path: Path, rewrite: Rewrite, make_mcmock_server: Callable[..., McmockServer]) -> None:
    from mcmock.testing.golden import GoldenStore

    server = make_mcmock_server(seed=1)
    start(server.emulator)
    server.goldens = GoldenStore(tmp_path, True)
    server.session().assert_matches_golden("kept")
    (path,) = tmp_path.iterdir()
    path.write_bytes(rewrite(path.read_bytes()))
    server.goldens = GoldenStore(tmp_path, False, True)
    server.session().assert_matches_golden("kept")
