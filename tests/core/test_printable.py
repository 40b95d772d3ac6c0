"""Nothing that a client, a recording or a file's name says can work on a terminal, forge a line, or break XML: at every sink."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import Result

import mcmock
from mcmock import faults
from mcmock.analytics.text import report_text
from mcmock.checks import timeline_text
from mcmock.checks.verification import check, verify
from mcmock.cli import check_output, main, tail
from mcmock.cli.logs import Logs
from mcmock.core.findings import FailOn
from mcmock.core.model import Request
from mcmock.core.printable import printable, printable_json, printable_lines, printable_word
from mcmock.engine import Emulator
from mcmock.serialization import ndjson
from mcmock.server.admin.feed import Feed
from mcmock.server.admin.metrics import facts, render
from mcmock.server.request_counts import RequestCounts
from mcmock.testing.golden import compare, rows
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body, cli_runner, post, send, start
from tests.player import posted

HOSTILE = {
    "line feed": "\n", "return": "\r", "both": "\r\n", "clears the screen": "\x1b[2J\x1b[H", "title": "\x1b]0;x\x07",
    "bell": "\a", "backspace": "\b\b\b", "NUL": "\0", "DEL": "\x7f", "tab": "\t", "form feed": "\f", "vertical tab": "\v",
    "CSI in one": "\x9b2J", "NEL": "\x85", "line separator": "\u2028", "paragraph separator": "\u2029",
    "override": "\u202e", "embedding": "\u202a", "isolate": "\u2066", "end of isolate": "\u2069", "mark": "\u200f",
    "lone surrogate": "\ud800", "the other half": "\udfff", "zero width": "\u200b", "joiner": "\u200d",
    "byte order mark": "\ufeff", "word joiner": "\u2060", "soft hyphen": "\xad", "noncharacter": "\uffff",
    "tag": "\U000e0041", "private": "\ue000", "filler": "\u3164", "grapheme joiner": "\u034f", "separator": "\x1c",
}  # fmt: skip
ORDINARY = [
    "",
    "ping",
    "é",
    "日本語",
    "Ελλάδα",
    "שלום",
    "مرحبا",
    "한국어",
    "e\u0301",
    "😀",
    "a b",
    "a\u3000b",
    "50\xa0%",
    "C:\\new",
    "–…",
]

hostile = pytest.mark.parametrize("text", [pytest.param(f"a{text}FORGED", id=name) for name, text in HOSTILE.items()])

FAILS = check_output.Fails(FailOn.WARNING)


def harmless(text: str, *, names_it: bool = True) -> str:
    """The text, if no sign of it does anything, and no line of it begins with what a client wrote."""
    assert text, "nothing was written"
    at_work = {
        char for char in text if char != "\n" and (char in WORKING or not (char.isprintable() or char in " \u3000\xa0"))
    }
    assert not at_work, f"{at_work} in {text!r}"
    assert [line for line in text.splitlines() if line.lstrip(" >~x").startswith("FORGED")] == []
    assert "FORGED" in text or not names_it, "what is shown does not name it at all"
    return text


WORKING = {char for text in HOSTILE.values() for char in text if char not in "[2JH]0;x"}


# -- the one place ----------------------------------------------------------------------------------------------------------


@hostile
def test_what_works_is_written_as_an_escape(text: str) -> None:
    shown = harmless(printable(text))
    assert shown.startswith("a\\")
    assert printable(shown) == shown
    shown.encode()
    harmless(printable_word(text))
    assert json.loads(printable_json(json.dumps(text, ensure_ascii=False))) == text
    harmless(printable_json(json.dumps(text, ensure_ascii=False)))
    assert printable_lines(f"one\n{text.replace(chr(10), '')}") == f"one\n{printable(text.replace(chr(10), ''))}"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert printable_json(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


def test_a_word_is_one_word() -> None:
    assert printable_word("/api/v1") == "/api/v1"
    assert printable_word("") == '""'
    assert printable_word('a status=204 "b') == '"a status=204 \\"b"'


# -- what a client sends, at every sink ---------------------------------------------------------------------------------------


def attacked(text: str) -> Emulator:
    """A log in which a client has put `text` wherever it can."""
    emulator = Emulator(seed=1, faults=[faults.status(500, event="play", name="mine", side="after")])
    raw, text = text, text.encode("utf-8", "replace").decode()  # bodies that hold half a character are refused
    params = {**START_PARAMS, "media.id": text, "media.name": text}
    sid = start(emulator, params={**params, "media.id": "film"})
    send(emulator, sid, "play", params={"media.id": text, text: text}, customMetadata={text: text})
    send(emulator, sid, raw)
    send(emulator, sid, "adBreakStart", params={"media.ad.podFriendlyName": text, "media.ad.podIndex": 1})
    send(emulator, sid, "chapterStart", params={"media.chapter.index": 1, "media.chapter.friendlyName": text})
    send(emulator, sid, "stateStart", params={"media.state.name": text})
    emulator.handle(post(f"/api/v1/sessions/{raw}/events", body("ping")))
    emulator.handle(Request(raw, f"/{raw}", ((b"Content-Type", text.encode("utf-8", "replace")),), b""))
    emulator.handle(post("/api/v1/sessions", raw.encode("utf-8", "surrogatepass")))
    start(emulator, params={**params, "media.id": "b" + text})
    return emulator


def logged(form: str) -> Callable[[Emulator], str]:
    def write(emulator: Emulator) -> str:
        out = io.StringIO()
        logs = Logs(form, out)
        for one in emulator.requests():
            logs._waiting.append((emulator, one.seq))
        logs.flush()
        assert len(out.getvalue().splitlines()) == len(emulator.requests())
        return out.getvalue()

    return write


def story(emulator: Emulator) -> str:
    return timeline_text.whole(emulator)


def listed(emulator: Emulator) -> str:
    return timeline_text.listed(emulator.requests())


def reports(emulator: Emulator) -> str:
    return "\n".join(report_text(view.report.to_json(why=False), everything=True) for view in emulator.sessions())


def verified(emulator: Emulator) -> str:
    wanted = next(one.event_type for one in emulator.requests() if one.event_type and one.event_type.startswith("a"))
    checks = [
        check({"event": wanted}, count=7), check({"event": wanted}), check({"session": wanted}),
        check({"params": {"media.name": wanted}}, count=9), check(sequence=["play", "sessionEnd"]),
        check({"event": wanted}, count=0),
    ]  # fmt: skip
    return "\n".join(verify(emulator, one).message for one in checks)


def losses(emulator: Emulator) -> str:
    assert emulator.losses().faulted
    return str(emulator.losses())


def golden(emulator: Emulator) -> str:
    view = emulator.sessions()[0]
    now = rows(view)
    return compare([], now) + compare(now, [{**row, "customMetadata": {}, "params": {}} for row in now])


def tailed(emulator: Emulator) -> str:
    feed = Feed(emulator, 0, lambda: None)
    lines = [tail.line(tail.Event(one.name, None, json.loads(json.dumps(one.value)))) for one in feed.take()]
    plain = "\n".join(line for line in lines if line is not None)
    for colour in ("31", "32", "33", "35", "90", "0"):
        plain = plain.replace(f"\x1b[{colour}m", "")
    return plain


def counted(emulator: Emulator) -> str:
    return render([facts(emulator)], RequestCounts()).decode()


NUMBERS = ("counted", "losses")
"""Sinks that a client's text never reaches, or only where an event type is known."""

SINKS = {
    one.__name__: one
    for one in (story, listed, reports, verified, losses, golden, tailed, counted)
} | {"log as text": logged("text"), "log as JSON": logged("json")}  # fmt: skip


@hostile
@pytest.mark.parametrize("sink", SINKS)
def test_what_a_client_sends_does_nothing_there(text: str, sink: str) -> None:
    harmless(SINKS[sink](attacked(text)), names_it=sink not in NUMBERS)


@hostile
def test_recorded_traffic_is_judged_without_harm(text: str, tmp_path: Path) -> None:
    file = tmp_path / "traffic.ndjson"
    file.write_bytes(b"".join(ndjson.write(attacked(text).requests())))
    done = [mcmock.check(file)._replace(name=text)]
    harmless(check_output.text(done, FAILS, with_reports=True))
    junit = check_output.junit(done, FAILS)
    harmless(junit)
    root = ElementTree.fromstring(junit.encode())
    for part in root.iter():
        for value in (*part.attrib.values(), part.text or ""):
            if "FORGED" in value:
                harmless(value)
    harmless(json.dumps(check_output.to_json(done, FAILS)))


# -- the command line -------------------------------------------------------------------------------------------------------


def called(*words: str) -> str:
    result: Result = cli_runner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout + result.stderr


ERRORS: list[Callable[[str], tuple[str, ...]]] = [
    lambda text: ("check", text), lambda text: ("replay", text, "--to", "http://127.0.0.1:1"), lambda text: (text,),
    lambda text: ("serve", "--config", text), lambda text: ("serve", "--faults", text), lambda text: ("serve", f"--{text}"),
    lambda text: ("serve", "--store", text), lambda text: ("serve", "--preset", text), lambda text: ("find", text),
    lambda text: ("find", f"{text}=1"), lambda text: ("ready", f"http://127.0.0.1:1/{text}"), lambda text: ("report", text, text),
    lambda text: ("ca", "path", "--state-dir", text), lambda text: ("tail", f"http://127.0.0.1:1/{text}"),
    lambda text: ("serve", "--port", text), lambda text: ("exec", "--", text),
]  # fmt: skip


@pytest.mark.parametrize("words", ERRORS, ids=lambda words: " ".join(words("TEXT"))[:40])
@pytest.mark.parametrize("text", ["a\x1b[2JFORGED", "a\nFORGED", "a\x9b\u202e\u2028FORGED", "a\udcffFORGED"], ids=ascii)
def test_an_error_that_names_what_was_given_is_one_harmless_line(
    words: Callable[[str], tuple[str, ...]], text: str
) -> None:
    told = called(*words(text))
    harmless(told, names_it=False)
    assert len(told.strip().splitlines()) == 1, told


def test_answers_of_a_server_are_shown_without_harm(mcmock_server: McmockServer) -> None:
    text = "a\x1b[2J\u202e\u2028\nFORGED"
    first = body("sessionStart", params={**START_PARAMS, "media.id": text, "media.name": text})
    path = posted(mcmock_server.url + "/api/v1/sessions", first).headers["Location"]
    posted(f"{mcmock_server.url}{path}/events", body(text))
    url = mcmock_server.url
    for words in (
        ("report", url, "--all"), ("report", url), ("verify", "--url", url, f"event={text}", "--count", "3"),
        ("find", "--url", url), ("wait", "--url", url, f"event={text}", "--count", "1"), ("find", "--url", url, f"status={text}"),
    ):  # fmt: skip
        harmless(called(*words), names_it=False)
    assert len(mcmock_server.requests(status=400)) == 1


def test_letters_that_the_terminal_cannot_show_are_no_reason_to_fail(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mcmock", "check", str(tmp_path / "日本.har")]
    environment = {"PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert "\\u65e5\\u672c.har" in done.stderr
    assert "Traceback" not in done.stderr


# -- the server's own lines ---------------------------------------------------------------------------------------------------


@hostile
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_the_server_says_of_itself(text: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # of pytest: xdist cannot send half a surrogate pair
    out = io.StringIO()
    logs = Logs(form, out)
    logs.say(f"mcmock: {text} has changed")
    with logs.heard():
        logging.getLogger("mcmock").warning("%s failed", text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("mcmock").exception("%s failed", text)
    harmless("\n".join(line for line in out.getvalue().split("\n") if not line.startswith("  ")))
    harmless(out.getvalue().replace("\n  FORGED", ""))
    if form == "json":
        assert all(json.loads(line)["event"] == "message" for line in out.getvalue().split("\n")[:-1])
    else:
        heads = [line for line in out.getvalue().splitlines() if not line.startswith("  ")]
        assert len(heads) == 3
        assert all(line.startswith("mcmock: ") for line in heads)


@pytest.fixture
def lines(mcmock_server: McmockServer) -> Callable[[], str]:
    out = io.StringIO()
    logs = Logs("text", out)
    logs._follow(mcmock_server.emulator)

    def written() -> str:
        logs.flush()
        return out.getvalue()

    return written


@pytest.mark.mcmock(fail_on="never")
@pytest.mark.parametrize(
    "target", [b"%0A", b"\x1b[2J", b"\x9b2J", b"\xe2\x80\xae", b"\xff\xfe", b"\xc2\x9b", b"\xed\xa0\x80"]
)
def test_bytes_of_a_request_line_over_a_socket(
    mcmock_server: McmockServer, lines: Callable[[], str], target: bytes
) -> None:
    wire = Wire(mcmock_server.url)
    wire.send(b"POST /a" + target + b"FORGED HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    mcmock_server.wait_for(timeout=5)
    assert len(lines().splitlines()) == 1
    harmless(lines(), names_it=False)
    harmless(mcmock_server.story(), names_it=False)
    wire.socket.close()


def test_a_failing_test_s_section_and_junit_xml_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import json
from urllib.request import Request, urlopen
from urllib.error import HTTPError

def test_it(mcmock_server):
    body = json.dumps({"eventType": "a\\x1b[2J\\x00\\u202e\\u2028\\nFORGED"}).encode()
    try:
        urlopen(Request(mcmock_server.url + "/api/v1/sessions", body, {"Content-Type": "application/json"}))
    except HTTPError as error:
        error.close()
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=out.xml", "test_it.py"],
        cwd=tmp_path, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "a\\u001b[2J" in harmless(done.stdout.decode(), names_it=False)
    ElementTree.parse(tmp_path / "out.xml")
