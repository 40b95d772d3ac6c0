"""Journals that earlier versions wrote, as files beside this test: they are read, gone on with, and never misread.

`journals/format-N.db` is what a mcmock of format N left, byte for byte, after the same story in each: a film
with a fault, a bad body and an unknown session in it, another one that is open still, a third in a scope of its own; the clock
frozen, the seed 7. That of format 4 is the one of format 3, as a mcmock of format 4 converted it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mcmock.core.sessions import Phase
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.storage import open_store, read_journal
from mcmock.storage.codec import entry_text
from mcmock.storage.journal_earlier import convert
from mcmock.storage.journal_runs import FIRST_FORMAT, latest_of
from mcmock.storage.sqlite import FORMAT
from tests.conftest import post, send

JOURNALS = sorted(Path(__file__).with_name("journals").glob("format-*.db"))

STORY = [
    (1, "sessionStart", 201, "created", "good", "sent"),
    (2, "play", 204, "accepted", "good", "sent"),
    (3, "ping", 204, "accepted", "good", "client_gone"),
    (4, None, 400, "malformed", "bad", "sent"),
    (5, "ping", 404, "unknown", "bad", "sent"),
    (6, "pauseStart", 503, "faulted", "faulted", "sent"),
    (7, "sessionComplete", 204, "accepted", "good", "sent"),
    (8, "sessionEnd", 204, "accepted", "good", "sent"),
    (9, "ping", 410, "gone", "bad", "sent"),
    (10, "sessionStart", 201, "created", "good", "sent"),
    (11, "play", 204, "accepted", "good", "sent"),
]
"""Number, event, status, verdict, outcome and delivery of each request of the default scope."""

FILM, SECOND, THIRD = (
    "4db626ba7d7deb15101acf50821783a9944ba23dc74326868de8525a8d572945",
    "428bc973db3473167aec131664b8cd327d374b7a040e2a364d4a90f4f2208a72",
    "9b7bc63d54a87e5563bbf739c71b373a8b18621ab0741a965725576fbb0f1129",
)


LATER = {"playhead": 5, "ts": 1_700_000_090_000}
"""After all that there is: an event from before a sessionEnd would be taken by those formats that know when that was."""


@pytest.fixture(params=JOURNALS, ids=[path.stem for path in JOURNALS])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copy(request.param, tmp_path / "journal.db"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def story(emulator: Emulator) -> list[tuple[int, str | None, int, str, str, str]]:
    return [
        (one.seq, one.event_type, one.status, str(one.verdict), str(one.outcome), str(one.delivery))
        for one in emulator.requests()
    ]


def test_there_is_one_of_each_format_before_todays() -> None:
    assert [path.stem for path in JOURNALS] == [f"format-{number}" for number in range(1, len(JOURNALS) + 1)]
    assert {version(path) for path in JOURNALS} >= set(range(1, FORMAT))


def test_an_earlier_journal_is_read_and_not_touched(journal: Path) -> None:
    before = journal.read_bytes()
    read = list(read_journal(journal))
    assert journal.read_bytes() == before
    assert [one.event_type for one in read] == [event for _, event, *_ in STORY] + ["sessionStart", "play"]
    first, fourth, sixth = read[0], read[3], read[5]
    assert first.request_headers == (
        ("Host", "collect.example"), ("Content-Type", "application/json"), ("X-Odd", "\xff\x00"),
    )  # fmt: skip
    assert dict(first.response_headers)["Location"] == f"/api/v1/sessions/{FILM}"
    assert first.protocol.name == "media-collection"
    assert fourth.body_bytes == b"\xff\x00 no JSON"
    assert [finding.rule for finding in fourth.findings] == ["not-json"]
    assert sixth.fault is not None
    assert sixth.fault.effect == "status"


def test_an_earlier_journal_goes_on_where_it_stood(journal: Path) -> None:
    emulator = open_store(f"sqlite:{journal}").emulator()
    assert story(emulator) == STORY
    assert (emulator.seed, emulator.frozen, emulator.summary().evicted) == (7, True, 0)
    assert [(one.id, one.state) for one in emulator.sessions()] == [(FILM, Phase.ENDED), (SECOND, "playing")]
    assert emulator.sessions()[0].report.content_completes == 1
    scopes = Scopes(emulator)
    assert [one.state for one in scopes.named("one").sessions()] == [Phase.EXPIRED]
    assert [send(emulator, sid, "ping", playerTime=LATER).response.status for sid in (FILM, SECOND)] == [410, 204]
    assert send(scopes.named("one"), THIRD, "ping").response.status == 410
    emulator.close()
    assert version(journal) == FORMAT
    with closing(sqlite3.connect(journal)) as connection:
        shown = connection.execute(
            "SELECT method, target FROM log WHERE scope = 'default' AND seq IN (1, 2, 12) ORDER BY seq"
        )
        events = f"/api/v1/sessions/{FILM}/events"
        assert shown.fetchall() == [("POST", "/api/v1/sessions"), ("POST", events), ("POST", events)]
    again = open_store(f"sqlite:{journal}").emulator()
    assert story(again)[:11] == STORY
    assert [(one.seq, one.status) for one in again.requests(since=11)] == [(12, 410), (13, 204)]
    again.close()


@pytest.mark.parametrize("number", range(1, FIRST_FORMAT))
def test_an_earlier_journal_that_cannot_become_one_of_today_stays_as_it_was(number: int, tmp_path: Path) -> None:
    journal, earlier = Path(shutil.copy(JOURNALS[number - 1], tmp_path / "journal.db")), number
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE log SET entry = '[' WHERE scope = 'one' AND seq = 2")
    with pytest.raises(
        ValueError, match=r"journal.db is damaged \(cannot read entry 2: .*\): move it away, or restore"
    ) as caught:
        open_store(f"sqlite:{journal}")
    assert "\n" not in str(caught.value)
    assert version(journal) == earlier
    assert len(list(read_journal(journal, "default"))) == len(STORY)


LOG_BEFORE = """CREATE TABLE log (
  scope TEXT, seq INTEGER, written REAL, at REAL, kind TEXT, event TEXT, session TEXT, verdict TEXT, status INTEGER,
  delivery TEXT, weight INTEGER, entry TEXT, PRIMARY KEY (scope, seq)) WITHOUT ROWID"""
"""The table of formats 1 to 3."""


def test_runs_of_an_earlier_journal_are_in_the_order_in_which_they_were_written() -> None:
    emulator = Emulator()
    for number in range(7):
        emulator.handle(post(f"/{number}", {}))
    texts = {entry.seq: entry_text(tuple(entry)) for entry in emulator.engine.log.entries()}
    rows = [
        ("a", 2, 1.0),
        ("a", 3, 1.0),
        ("b", 1, 1.0),
        ("a", 4, 2.0),
        ("b", 2, 3.0),
        ("b", 3, 3.0),
        ("b", 5, 3.0),
        ("a", 5, 4.0),
    ]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(LOG_BEFORE)
        for scope, seq, written in rows:
            columns = (scope, seq, written, *[None] * 6, "sent" if seq == 3 else None, 1, texts[seq])
            connection.execute(f"INSERT INTO log VALUES ({', '.join('?' * 12)})", columns)
        convert(connection, FIRST_FORMAT - 1, FORMAT)
        runs = connection.execute("SELECT scope, first, last, written FROM runs ORDER BY number").fetchall()
        assert runs == [
            ("a", 2, 3, 1.0),
            ("b", 1, 1, 1.0),
            ("a", 4, 4, 2.0),
            ("b", 2, 3, 3.0),
            ("b", 5, 5, 3.0),
            ("a", 5, 5, 4.0),
        ]
        read = [(entry.seq, entry.target, str(became)) for entry, became, _ in latest_of(connection, "a")]
        assert read == [(5, "/4", "pending"), (4, "/3", "pending"), (3, "/2", "sent"), (2, "/1", "pending")]
