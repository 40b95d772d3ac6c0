"""Runs of entries as a journal has them: some hundred that follow each other in one row, so that each costs hardly anything.

Rules of this file:

1. A run is whole in itself: what its entries share (header lines, answers, targets, the API) stands once beside them, and in no
   other table. In format 4 each entry had its target and API itself.
2. Other tools read the view `log`, in which each entry is whole. Where `event` or `session` has a zero, or what is no
   character, it is escaped for them, and stands as it is at the end of its entry.
3. Bodies are bytes, one behind the other; an entry says where its own ends, and how long it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Hashable, Iterable, Iterator
from itertools import accumulate, islice
from typing import Any, Final, NamedTuple, TypeVar

from mcmock.core.model import Delivery, Kind, Verdict, headers_from
from mcmock.engine.log import DELIVERIES, Entry, NewEntries, findings_from
from mcmock.storage import codec

try:
    import orjson
except ImportError:  # not a CPython
    orjson = None  # type: ignore[assignment]

Value = TypeVar("Value", bound=Hashable)

FIRST_FORMAT: Final = 4
"""Of a file: the first that has runs."""

VIEW: Final = """CREATE VIEW log AS
  SELECT runs.scope AS scope, first + key AS seq, json_extract(value, '$[0]') AS at, json_extract(value, '$[1]') AS kind,
    json_extract(value, '$[7]') AS method,
    CASE json_type(value, '$[8]') WHEN 'text' THEN json_extract(value, '$[8]')
      ELSE json_extract(headers, '$.targets[' || json_extract(value, '$[8]') || ']') END AS target,
    json_extract(value, '$[2]') AS event, json_extract(value, '$[3]') AS session, json_extract(value, '$[4]') AS verdict,
    json_extract(value, '$[5]') AS status, ifnull(late.delivery, json_extract(value, '$[6]')) AS delivery,
    substr(bodies, 1 + json_extract(value, '$[11]') - json_extract(value, '$[12]'), json_extract(value, '$[12]')) AS body,
    value AS entry
  FROM runs, json_each(entries) LEFT JOIN late ON late.scope = runs.scope AND late.seq = first + key"""
"""The log as other tools see it."""

TABLES: Final = (
    """CREATE TABLE runs (
      number INTEGER PRIMARY KEY, scope TEXT, first INTEGER, last INTEGER, written REAL, weight INTEGER,
      entries TEXT, headers TEXT, bodies BLOB, UNIQUE (scope, first))""",
    "CREATE TABLE late (scope TEXT, seq INTEGER, delivery TEXT, PRIMARY KEY (scope, seq)) WITHOUT ROWID",
    VIEW,
)
"""The log. `number` is the order in which runs were written; `late` is what became of answers after their run was."""

MOST: Final = 1024
"""Entries of a run: as many as are let go at once."""

MOST_BYTES: Final = 1024**2
"""Bytes of the bodies of a run that has more than one entry."""

RUN_COST: Final = 200
"""Bytes that a row takes beside what is in it."""

_TOGETHER: Final = 128
"""Entries that are made at once; Python's collector looks at what is new whenever there are some hundred more."""

_NAMES: Final = tuple(None if one is Delivery.PENDING else str(one.value) for one in DELIVERIES)


class Run(NamedTuple):
    """The columns of one row that tell of its entries."""

    first: int
    last: int
    entries: str
    headers: str
    bodies: bytes

    @property
    def weight(self) -> int:
        """Bytes that it takes in the file."""
        return RUN_COST + len(self.entries) + len(self.headers) + len(self.bodies)


def runs_of(new: NewEntries) -> Iterator[Run]:
    """Yield entries as runs, none too long."""
    for begin in range(0, len(new), MOST):
        yield from _runs_of(new.part(begin, begin + MOST))


def _runs_of(new: NewEntries) -> Iterator[Run]:
    if len(new) > 1 and sum(len(row[6]) for row in new.rows) > MOST_BYTES:
        half = len(new) // 2
        yield from _runs_of(new.part(0, half))
        yield from _runs_of(new.part(half))
    else:
        yield _run(new)


def _run(new: NewEntries) -> Run:
    """Return entries as one run, column by column: no code of ours is run for each of them."""
    (
        seqs, ats, kinds, methods, targets, numbers, bodies, events, sessions, verdicts, statuses, lines, answers, findings,
        faults, after_end, protocols,
    ) = zip(*new.rows, strict=True)  # fmt: skip
    lengths, shown, apis = list(map(len, bodies)), _numbered(targets), _numbered(protocols)
    places = _numbered(zip(lines, answers, strict=True))
    entries = zip(
        ats, kinds, events, sessions, verdicts, statuses, map(_NAMES.__getitem__, new.deliveries), methods,
        map(shown.__getitem__, targets), numbers, map(places.__getitem__, zip(lines, answers, strict=True)),
        accumulate(lengths), lengths, findings, faults, after_end, map(apis.__getitem__, protocols), strict=True,
    )  # fmt: skip
    has_zero = any("\0" in text for text in {*events, *sessions} if text is not None)
    asked = {str(number): codec.lines_json(new.lines[number]) for number in set(numbers)}
    told = [[headers_from(one), answer.decode("latin-1")] for one, answer in places]
    headers = {"requests": asked, "answers": told, "targets": list(shown), "apis": list(apis)}
    return Run(seqs[0], seqs[-1], _entries_text(entries, has_zero), codec.dumps(headers), b"".join(bodies))


def _numbered(values: Iterable[Value]) -> dict[Value, int]:
    """Return the different ones among them, in their order, each with its number."""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def _entries_text(entries: Iterator[tuple[Any, ...]], has_zero: bool) -> str:
    """Return entries as JSON. They are made some at a time, so that the collector has no reason to look at them."""
    write = _written_plainly if orjson is None or has_zero else _written
    texts = iter(lambda: write(list(islice(entries, _TOGETHER))), "[]")
    return f"[{','.join([text[1:-1] for text in texts])}]"


def _written(entries: list[tuple[Any, ...]]) -> str:
    try:
        return orjson.dumps(entries, default=tuple).decode()
    except TypeError:  # it refuses what is no character
        return _written_plainly(entries)


def _written_plainly(entries: list[tuple[Any, ...]]) -> str:
    return codec.dumps(list(map(_with_columns, entries)))


def _with_columns(entry: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rule 2."""
    at, kind, event, session, *others = entry
    shown = _column(event), _column(session)
    if shown == (event, session):
        return entry
    return at, kind, *shown, *others, (event, session)


def _column(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def entries_of(run: Run) -> list[tuple[Entry, Delivery]]:
    """Return the entries of a run and what had become of their answers. Raises ValueError for one that no mcmock has written."""
    try:
        return list(_entries_of(run))
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"cannot read the entries from {run.first} on: {error!r}") from None


def _entries_of(run: Run) -> Iterator[tuple[Entry, Delivery]]:
    headers = json.loads(run.headers)
    asked = {int(number): codec.lines_from(lines) for number, lines in headers["requests"].items()}
    told = [(codec.answer_lines_from(lines), answer.encode("latin-1")) for lines, answer in headers["answers"]]
    targets, apis = headers.get("targets", ()), headers.get("apis", ())
    for seq, columns in zip(range(run.first, run.last + 1), json.loads(run.entries), strict=True):
        (
            at, kind, event, session, verdict, status, delivery, method, target, number, answer, end, length, findings, fault,
            after_end, protocol, *as_they_are,
        ) = columns  # fmt: skip
        if as_they_are:
            ((event, session),) = as_they_are
        lines, body = told[answer]
        entry = Entry(
            seq, at, Kind(kind), method, targets[target] if targets else target, asked[number],
            run.bodies[end - length : end], event, session, Verdict(verdict), status, lines, body, findings_from(findings),
            codec.fault_from(fault), after_end, apis[protocol] if apis else protocol,
        )  # fmt: skip
        yield entry, Delivery(delivery or Delivery.PENDING)


def gathered(entries: list[tuple[Entry, Delivery]]) -> NewEntries:
    """Return entries that were read as those that are to be written."""
    numbers = {entry.headers: 0 for entry, _ in entries}
    numbers = {lines: number for number, lines in enumerate(numbers)}
    rows = [(*entry[:5], numbers[entry.headers], *entry[6:]) for entry, _ in entries]
    lines = {number: lines for lines, number in numbers.items()}
    return NewEntries(rows, lines, bytearray(DELIVERIES.index(delivery) for _, delivery in entries))


def latest_of(connection: sqlite3.Connection, scope: str) -> Iterator[tuple[Entry, Delivery, int]]:
    """Yield the entries of a scope, the newest first, with what became of their answers and the bytes that each takes.

    Raises ValueError for what no mcmock has written.
    """
    query = "SELECT first, last, entries, headers, bodies, weight FROM runs WHERE scope = ? ORDER BY first DESC"
    for *columns, weight in connection.execute(query, (scope,)):
        run = Run._make(columns)
        query = "SELECT seq, delivery FROM late WHERE scope = ? AND seq BETWEEN ? AND ?"
        late = dict(connection.execute(query, (scope, run.first, run.last)))
        entries = entries_of(run)
        for entry, delivery in reversed(entries):
            yield entry, Delivery(late.get(entry.seq, delivery)), weight // len(entries)
