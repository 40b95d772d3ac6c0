"""What a browser sends, for wrk: the recorded sessions of `fixtures/clients`, preflights included, each as one of many viewers.

Session ids are known beforehand: a server with this file's seed issues them for what is watched, in whatever order the
starts reach it. So a viewer's events can follow its start without anybody reading an answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from mcmock.core.model import Request
from mcmock.engine import Emulator

SEED = 1
RECORDED = sorted((Path(__file__).parent.parent / "fixtures" / "clients").glob("js3__*.jsonl"))
FILM = "film-0001"
"""What the recorded sessions watch; each viewer here watches something of its own."""


class Step(NamedTuple):
    """One recorded request: what stands before a session's id, and behind it; `opens` says that it is the start."""

    before: bytes
    behind: bytes
    opens: bool


def _film(number: int) -> bytes:
    return b"film-%09d" % number


def steps_of(path: Path) -> list[Step]:
    """The requests of one recording, as they stood on the wire."""
    steps = []
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        body = record["body_raw"].encode()
        opens = record["kind"] == "session"
        if opens:
            assert FILM.encode() in body, path
            body = body.replace(FILM.encode(), _film(0))
        head = f"{record['method']} {record['path']} HTTP/1.1\r\n"
        for name, value in record["headers"]:
            sent = str(len(body)) if name.lower() == "content-length" else value
            head += f"{name}: {'127.0.0.1' if name.lower() == 'host' else sent}\r\n"
        before, _, behind = (head.encode() + b"\r\n" + body).partition(_session(record["path"]))
        steps.append(Step(before, behind, opens) if _session(record["path"]) != b"\0" else Step(before, b"", opens))
    return steps


def _session(path: str) -> bytes:
    """The session id in a path; a byte that no request has where there is none."""
    parts = path.split("/")
    return parts[4].encode() if len(parts) > 4 else b"\0"


def _issued(stories: list[list[Step]], numbers: range) -> list[str]:
    """The ids of sessions that watch the films of these numbers, each as it is watched in its story."""
    emulator = Emulator(seed=SEED, max_log_bytes=1)
    starts = [next(step.before for step in steps if step.opens).partition(b"\r\n\r\n")[2] for steps in stories]
    ids = []
    for number in numbers:
        body = starts[number % len(starts)].replace(_film(0), _film(number))
        answer = emulator.handle(Request("POST", "/api/v1/sessions", (), body))
        ids.append(dict(answer.response.headers)["Location"].rpartition("/")[2])
    return ids


def write(folder: Path, sessions: int) -> None:
    """Write `stories.lua`, which bench/browser.lua plays: sessions enough for each of the two runs, `warm` and `measured`."""
    stories = [steps_of(path) for path in RECORDED]
    with (folder / "stories.lua").open("wb") as file:
        file.write(b"return {stories={\n")
        for steps in stories:
            file.write(b"{")
            for step in steps:
                before, film, behind = step.before.partition(_film(0)) if step.opens else (step.before, b"", b"")
                parts = (before, behind) if film else (step.before, step.behind)
                file.write(b"{opens=%b,%b,%b}," % (str(step.opens).lower().encode(), *map(_quoted, parts)))
            file.write(b"},\n")
        file.write(b"},\n")
        for name, first in (("warm", 0), ("measured", sessions)):
            ids = b",".join(b'"%b"' % one.encode() for one in _issued(stories, range(first, first + sessions)))
            file.write(b"%b={first=%d,ids={%b}},\n" % (name.encode(), first, ids))
        file.write(b"}\n")


def _quoted(text: bytes) -> bytes:
    """A string as Lua writes it."""
    return (
        b'"'
        + b"".join(b"\\%03d" % one if one < 32 or one > 126 or one in b'"\\' else bytes([one]) for one in text)
        + b'"'
    )
