"""What the writer of a journal writes: how little that is for a request, what leaves first, and what it leaves nothing of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcmock import faults
from mcmock.core.model import Delivery
from mcmock.engine import Emulator
from mcmock.engine.changes import Delta, Row
from mcmock.engine.log import NewEntries
from mcmock.engine.scopes import Scopes
from mcmock.storage import codec, journal_batch, journal_runs, open_store, read_journal
from mcmock.storage.journal_batch import TABLES, Batch
from mcmock.storage.journal_runs import latest_of
from tests.conftest import body, post, send, start

HEADERS = tuple((b"X-Line-%d" % number, b"v" * 40) for number in range(20))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    for table in TABLES:
        opened.execute(table)
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


def test_a_request_is_a_fiftieth_of_a_statement_and_its_header_lines_are_written_once(
    connection: sqlite3.Connection,
) -> None:
    delta = pings(640)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    Batch(connection, 1.0).write([("default", delta)])
    connection.set_trace_callback(None)
    assert len(statements) <= 12
    lines = len(codec.dumps(codec.lines_json(HEADERS)))
    (whole,) = connection.execute("SELECT sum(length(entries) + length(headers) + length(bodies)) FROM runs").fetchone()
    assert whole / 640 < lines / 2


@pytest.mark.parametrize("count", [1, 5, 63, 85, 600])
def test_places_are_all_written_in_few_statements(connection: sqlite3.Connection, count: int) -> None:
    statements: list[str] = []
    rows = tuple(Row(codec.ISSUED, str(number), count) for number in range(count))
    connection.set_trace_callback(statements.append)
    Batch(connection, 1.0).write([("default", Delta(NewEntries(), {}, rows))])
    connection.set_trace_callback(None)
    found = connection.execute("SELECT place FROM cells WHERE value = ?", (str(count),)).fetchall()
    assert {place for (place,) in found} == {codec.place_text(row) for row in rows}
    assert len(statements) <= 12


def test_what_became_of_an_answer_is_written_before_its_entry_and_after_it(connection: sqlite3.Connection) -> None:
    delta = pings(3)
    first = delta.entries.rows[0][0]
    late = Delta(NewEntries(), {first: Delivery.ABORTED}, ())
    with_it = delta._replace(deliveries={first + 1: Delivery.CLIENT_GONE})
    Batch(connection, 1.0).write([("default", with_it), ("default", late)])
    assert connection.execute("SELECT delivery FROM log").fetchall() == [("aborted",), ("client_gone",), ("sent",)]
    assert [delivery for _, delivery, _ in latest_of(connection, "default")] == ["sent", "client_gone", "aborted"]


def test_what_other_tools_read_is_what_the_log_has(connection: sqlite3.Connection) -> None:
    Batch(connection, 1.0).write([("default", pings(2))])
    columns = "seq, at, kind, method, target, event, session, verdict, status, delivery, body"
    read = connection.execute(f"SELECT {columns} FROM log ORDER BY seq DESC").fetchall()
    assert read == [
        (
            one.seq, one.at, one.kind, one.method, one.target, one.event_type, one.session_id, one.verdict, one.status,
            delivery, one.body,
        )
        for one, delivery, _ in latest_of(connection, "default")
    ]  # fmt: skip


@pytest.mark.parametrize("parser", ["orjson", "json"])
def test_a_run_is_read_as_it_was_whatever_wrote_it(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, parser: str
) -> None:
    if parser == "json":
        monkeypatch.setattr(journal_runs, "orjson", None)
    emulator = Emulator(faults=[faults.status(503, event="adStart")])
    sid = start(emulator)
    emulator.engine.log.keep_with(lambda: None)
    emulator.handle(post(f"/api/v1/sessions/{sid}/events?\xff", body("adStart", 1.5), (b"X", b"\xff")))
    emulator.handle(post("/api/v1/sessions/%FF%E2%98%83'%22/events", b"\xff\x00 no JSON"))
    emulator.handle(post("/api/v1/sessions/a%00b/events", body("\x00'\"")))
    Batch(connection, 1.0).write([("default", Delta(emulator.engine.log.take_new(), {}, ()))])
    kept = list(emulator.engine.log.entries(1))
    assert [one.fault is not None for one in kept] == [True, False, False]
    assert [entry for entry, _, _ in latest_of(connection, "default")] == kept[::-1]
    shown = connection.execute("SELECT event, session FROM log ORDER BY seq").fetchall()
    assert shown == [("adStart", sid), (None, "\\udcff\u2603'\""), ("\\x00'\"", "a\\x00b")]


def test_long_bodies_are_spread_over_runs(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_runs, "MOST", 6)
    delta = pings(20)
    monkeypatch.setattr(journal_runs, "MOST_BYTES", 3 * max(len(row[6]) for row in delta.entries.rows))
    Batch(connection, 1.0).write([("default", delta)])
    runs = connection.execute("SELECT first, last FROM runs ORDER BY number").fetchall()
    assert [last - first + 1 for first, last in runs] == [3] * 6 + [2]
    assert [entry.seq for entry, _, _ in latest_of(connection, "default")] == [row[0] for row in delta.entries.rows][
        ::-1
    ]


def test_the_oldest_of_all_scopes_go_first(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_runs, "MOST", 2)
    delta = pings(4)
    for written, scope, part in [(1.0, "a", (0, 2)), (2.0, "b", (0, 4)), (3.0, "a", (2, 4))]:
        Batch(connection, written).write([(scope, delta._replace(entries=delta.entries.part(*part)))])
    everything = entries(connection)
    Batch(connection, 4.0).let_go(lambda written: written < 2)
    assert entries(connection) == everything[2:]
    batch = Batch(connection, 4.0)
    batch.let_go(lambda _: batch.grown == 0, but_newest=True)
    assert entries(connection) == [*everything[2:4], *everything[6:]]
    (weight,) = connection.execute("SELECT total(weight) FROM runs").fetchone()
    batch = Batch(connection, 4.0)
    batch.let_go(lambda _: True, but_newest=True)
    assert entries(connection) == [everything[3]]
    assert connection.execute("SELECT total(weight) FROM runs").fetchone() == (weight + batch.grown,)
    Batch(connection, 4.0).let_go(lambda _: True)
    assert entries(connection) == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_newest_stays_however_many_runs_there_are(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(journal_batch, "_LOOK", 2)
    delta = pings(number)
    for place in range(number):
        Batch(connection, 1.0).write([("a", delta._replace(entries=delta.entries.part(place, place + 1)))])
    everything = entries(connection)
    Batch(connection, 2.0).let_go(lambda _: True, but_newest=True)
    assert entries(connection) == everything[-1:]


def test_what_became_of_answers_leaves_with_their_entries(connection: sqlite3.Connection) -> None:
    delta = pings(4)
    seqs = [row[0] for row in delta.entries.rows]
    Batch(connection, 1.0).write([("a", delta)])
    Batch(connection, 2.0).write([("a", Delta(NewEntries(), dict.fromkeys(seqs, Delivery.ABORTED), ()))])
    batch = Batch(connection, 3.0)
    batch.let_go(lambda _: batch.grown == 0, but_newest=True)
    assert connection.execute("SELECT seq FROM late").fetchall() == [(seq,) for seq in seqs[2:]]
    assert [delivery for _, delivery, _ in latest_of(connection, "a")] == ["aborted"] * 2
    Batch(connection, 4.0).write([("a", Delta(NewEntries(), {}, (), "cleared", seqs[-1] + 1))])
    assert connection.execute("SELECT (SELECT count(*) FROM late), (SELECT count(*) FROM runs)").fetchone() == (0, 0)


@pytest.mark.parametrize("column", ["entries", "headers"])
@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '[["x"]]'])
def test_a_run_that_no_mcmock_has_written_is_refused(connection: sqlite3.Connection, column: str, text: str) -> None:
    Batch(connection, 1.0).write([("default", pings(2))])
    connection.execute(f"UPDATE runs SET {column} = ?", (text,))
    with pytest.raises(ValueError, match="cannot read the entries from 2 on"):
        list(latest_of(connection, "default"))


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
