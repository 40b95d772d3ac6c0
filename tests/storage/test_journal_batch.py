"""What the writer of a journal writes: how little that is for a request, what leaves first, and what it leaves nothing of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcmock.core.model import Delivery
from mcmock.engine import Emulator
from mcmock.engine.changes import Delta
from mcmock.engine.scopes import Scopes
from mcmock.storage import open_store, read_journal
from mcmock.storage.codec import header_text
from mcmock.storage.journal_batch import TABLES, TEXTS, Batch, SharedTexts
from tests.conftest import body, post, send, start

HEADERS = tuple((b"X-Line-%d" % number, b"v" * 40) for number in range(20))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    opened.executescript(TABLES + TEXTS)
    yield opened
    opened.close()


def pings(count: int) -> Delta:
    """What `count` pings of one session do, as the writer takes it."""
    emulator = Emulator()
    sid = start(emulator)
    emulator.engine.log.keep_with(lambda: None)
    for number in range(count):
        answer = emulator.handle(post(f"/api/v1/sessions/{sid}/events", body("ping", number), *HEADERS))
        emulator.settle(answer.seq, Delivery.SENT)
    return Delta(emulator.engine.log.take_new(), {}, ())


def entries(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT scope, seq FROM log ORDER BY scope, seq").fetchall()


def test_a_request_is_a_thirtieth_of_a_statement_and_its_header_lines_are_written_once(
    connection: sqlite3.Connection,
) -> None:
    texts, delta = SharedTexts(connection), pings(640)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    Batch(connection, texts, 1.0).write([("default", delta)])
    connection.set_trace_callback(None)
    assert len(statements) <= 20
    lines = len(header_text(HEADERS))
    (whole,) = connection.execute("SELECT sum(length(entry)) FROM log").fetchone()
    assert whole / 640 < lines / 2
    assert (
        connection.execute("SELECT count(*) FROM texts").fetchone()[0] <= 10
    )  # an answer's Date is another each second


def test_what_became_of_an_answer_is_written_before_its_entry_and_after_it(connection: sqlite3.Connection) -> None:
    texts, delta = SharedTexts(connection), pings(3)
    first = delta.entries[0][0][0]
    late = Delta([], {first: Delivery.ABORTED}, ())
    with_it = delta._replace(deliveries={first + 1: Delivery.CLIENT_GONE})
    Batch(connection, texts, 1.0).write([("default", with_it), ("default", late)])
    assert connection.execute("SELECT delivery FROM log").fetchall() == [("aborted",), ("client_gone",), ("sent",)]


def test_the_oldest_of_all_scopes_go_first(connection: sqlite3.Connection) -> None:
    texts, delta = SharedTexts(connection), pings(4)
    for written, scope, part in [(1.0, "a", slice(0, 2)), (2.0, "b", slice(0, 4)), (3.0, "a", slice(2, 4))]:
        Batch(connection, texts, written).write([(scope, delta._replace(entries=delta.entries[part]))])
    everything = entries(connection)
    Batch(connection, texts, 4.0).let_go(lambda written: written < 2)
    assert entries(connection) == everything[2:]
    left = 2
    batch = Batch(connection, texts, 4.0)
    (weight,) = connection.execute("SELECT min(weight) FROM log").fetchone()
    batch.let_go(lambda _: batch.grown > -left * weight, but_newest=True)
    assert entries(connection) == [*everything[2:4], *everything[6:]]
    Batch(connection, texts, 4.0).let_go(lambda _: True, but_newest=True)
    assert entries(connection) == [everything[3]]
    Batch(connection, texts, 4.0).let_go(lambda _: True)
    assert entries(connection) == []


def test_header_lines_leave_with_the_last_entry_that_has_them(connection: sqlite3.Connection) -> None:
    texts, delta = SharedTexts(connection), pings(10)
    Batch(connection, texts, 1.0).write([("default", delta)])
    batch = Batch(connection, texts, 2.0)
    batch.let_go_of_texts()
    assert connection.execute("SELECT count(*) FROM texts").fetchone()[0] > 0
    batch.let_go(lambda _: True)
    batch.let_go_of_texts()
    assert connection.execute("SELECT count(*) FROM texts").fetchone()[0] == 0
    Batch(connection, texts, 3.0).write([("default", delta)])
    known = {str(number) for (number,) in connection.execute("SELECT number FROM texts")}
    used = {text.split('/events",')[1].split(",")[0] for (text,) in connection.execute("SELECT entry FROM log")}
    assert {one for one in used if one.isdecimal()} <= known


def test_a_scope_that_is_forgotten_and_made_again_at_once_is_empty(tmp_path: Path) -> None:
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    start(Scopes(emulator).named("one"))
    emulator.close()
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    scopes = Scopes(emulator)
    assert len(scopes.named("one").sessions()) == 1
    scopes.forget("one")
    assert scopes.named("one").sessions() == []
    emulator.close()


def test_a_log_too_small_for_what_is_to_be_written_loses_nothing(tmp_path: Path) -> None:
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator(max_log_bytes=1)
    sid = start(emulator)
    for number in range(600):
        answer = send(emulator, sid, "ping", number)
        emulator.settle(answer.seq, Delivery.SENT)
    assert emulator.summary().total == 1
    emulator.close()
    read = list(read_journal(tmp_path / "j"))
    assert [one.seq for one in read] == list(range(1, 602))
    assert {one.delivery for one in read[1:]} == {Delivery.SENT}
