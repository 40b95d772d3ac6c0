"""What a store keeps, as texts: rows of tables, entries of the log, deliveries. It knows JSON, and no store.

A text that no mcmock has written is a ValueError. FORMAT counts up whenever older versions could not read what is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

from mcmock.core import clock
from mcmock.core.model import Delivery, FaultHit, Kind, RawHeaders, Verdict, header_text, headers_from
from mcmock.core.sessions import Phase, Session
from mcmock.engine.changes import Row
from mcmock.engine.log import Entry, findings_from
from mcmock.faults.active import RulesSnapshot
from mcmock.faults.rule import rule_from_json
from mcmock.faults.selection import ActiveRule

FORMAT = 3
"""Of the texts below. A store of a higher one was written by a newer mcmock, and is not touched."""


MAX_KNOWN = 4096
"""Values whose texts are remembered."""

FIRST_PROTOCOL = "media-collection"
"""The API of an entry of format 1, which did not say."""


class Codec(NamedTuple):
    """How a table's values become JSON, and how they are read back."""

    to_json: Callable[[Any], Any] | None  # None: they are JSON already
    from_json: Callable[[Any], Any]


def _snapshot(value: Any) -> RulesSnapshot:
    armed, serial, dropped, initial = value
    ranked = tuple(ActiveRule(rule_from_json(rule), number, since) for rule, number, since in armed)
    return RulesSnapshot(ranked, serial, dropped, tuple(map(rule_from_json, initial)))


def _snapshot_json(snapshot: RulesSnapshot) -> Any:
    armed = [[one.rule.to_json(), one.serial, one.since] for one in snapshot.armed]
    return [armed, snapshot.serial, snapshot.dropped, [rule.to_json() for rule in snapshot.initial]]


def _same(value: Any) -> Any:
    return value


def _session(value: Any) -> Session:
    session_id, opened_at, touched_at, moved_at, playhead, phase, *more = value
    return Session(session_id, opened_at, touched_at, moved_at, playhead, Phase(phase), *more)


SESSIONS, ISSUED, DOOMED, COUNTS, RATES, CLOCK, FAULTS, SEED, VERSION, OPENED = (
    "session", "issued", "doomed", "count", "rate", "clock", "faults", "seed", "version", "opened",
)  # fmt: skip
TABLES: Mapping[str, Codec] = {
    SESSIONS: Codec(None, _session),
    ISSUED: Codec(None, _same),  # how many sessions of the same content there were
    DOOMED: Codec(None, lambda value: FaultHit(*value)),
    COUNTS: Codec(None, _same),  # what fault rules count
    RATES: Codec(None, tuple),
    CLOCK: Codec(None, lambda value: clock.Setting(*value)),
    FAULTS: Codec(_snapshot_json, _snapshot),
    SEED: Codec(None, _same),
    VERSION: Codec(None, _same),  # another one whenever clock or rules are changed
    OPENED: Codec(None, _same),  # another one whenever a session is opened: what all of them rests on
}


_OF_AN_OPEN_ONE = [Phase.OPEN, None, False, None]
"""What a session has behind its playhead until it is closed."""


def _session_text(session: Session) -> str:
    """Return what `dumps` makes of a session. Nearly all that is written are open ones, with a plain playhead."""
    session_id, opened_at, touched_at, moved_at, playhead, *others = session
    if others != _OF_AN_OPEN_ONE or not (type(playhead) is int or (type(playhead) is float and isfinite(playhead))):
        return dumps(session)
    times = f"{_time_text(opened_at)},{_time_text(touched_at)},{_time_text(moved_at)}"
    return f'[{_quote(session_id)},{times},{playhead!r},"open",null,false,null]'


# A moment stands in several texts, and the one of a start in all of its session.
_time_text = lru_cache(MAX_KNOWN, typed=True)(repr)


def place_text(cell: Row) -> str:
    """Return where a cell stands, as one line: the table, and the key as JSON."""
    table, key, _ = cell
    return f"{table} {_quote(key) if isinstance(key, str) else dumps(key)}"


def cell_texts(cell: Row) -> tuple[str, str | None]:
    """Return where a cell stands and what stands there, as texts; None is nothing."""
    return place_text(cell), value_text(cell)


def value_text(cell: Row) -> str | None:
    """Return what stands in a cell, as text."""
    table, _, value = cell
    if value is None:
        return None
    if table == SESSIONS:
        return _session_text(value)
    to_json = TABLES[table].to_json
    return dumps(value if to_json is None else to_json(value))


class CellTexts:
    """`cell_texts` that knows what it said of a place the last time: what is read was mostly written just before.

    A value is known by which object it is: equal ones (1 and 1.0) may have different texts. So may keys that are no strings.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[Any, tuple[str, str | None]]]] = {}

    def __call__(self, cell: Row) -> tuple[str, str | None]:
        table, key, value = cell
        if not isinstance(key, str):
            return cell_texts(cell)
        known = self._known.get(table)
        if known is None:
            known = self._known[table] = {}
        found = known.get(key)
        if found is None:
            if len(known) >= MAX_KNOWN:
                known.clear()
            texts = cell_texts(cell)
        elif found[0] is value:
            return found[1]
        else:
            texts = found[1][0], value_text(cell)
        known[key] = value, texts
        return texts


def cell_from(place: str, value: str | None) -> Row:
    """Return the cell of a place and a value; None is nothing. Raises ValueError for texts that no mcmock has written."""
    table, _, key = place.partition(" ")
    try:
        read = None if value is None else TABLES[table].from_json(json.loads(value))
        return Row(table, _key(json.loads(key)), read)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"cannot read {place[:60]!r}: {error!r}") from None


def _key(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


def cells_text(texts: Iterable[tuple[str, str | None]]) -> str:
    """Return cells, as `cell_texts` has them, as one text."""
    return "[" + ",".join([
        f"[{_quote(place)},{_NULL if value is None else _quote(value)}]" for place, value in texts
    ]) + "]"  # fmt: skip


def cells_from(text: str) -> tuple[Row, ...]:
    return tuple(cell_from(place, value) for place, value in json.loads(text))


def entry_text(entry: tuple[Any, ...]) -> str:
    """Return an entry of the log as JSON, without its number: bytes are kept as the characters of the same numbers."""
    (
        _, at, kind, method, target, headers, body, event_type, session_id, verdict, status, answer_lines, answer_body,
        findings, fault, after_end, protocol,
    ) = entry  # fmt: skip
    event = _NULL if event_type is None else _quote(event_type)
    session = _NULL if session_id is None else _quote(session_id)
    answer = _quote(answer_body.decode("latin-1")) if answer_body else _EMPTY
    found, met = dumps(findings) if findings else "[]", _NULL if fault is None else dumps(fault)
    return (
        f'[{_time_text(at)},"{kind}",{_quote(method)},{_quote(target)},{_header_text(headers)},{_quote(body.decode("latin-1"))},{event},'
        f'{session},"{verdict}",{status},{_lines_text(answer_lines)},{answer},{found},{met},'
        f"{_TRUE if after_end else _FALSE},{_quote(protocol)}]"
    )


@lru_cache(64)
def _header_text(lines: RawHeaders) -> str:
    """Return the header lines of a request as JSON."""
    return dumps(lines_json(lines))


@lru_cache(64)
def _lines_text(text: str) -> str:
    """Return the header lines of an answer as JSON."""
    return dumps(headers_from(text))


def _not_shared(number: int) -> Any:
    raise ValueError(f"there are no header lines of the number {number}")


def entry_from(seq: int, text: str, shared: Callable[[int], Any] = _not_shared) -> Entry:
    """Return the entry of such a text; `shared` knows header lines by number, as JSON has them.

    Raises ValueError for one that no mcmock has written.
    """
    try:
        columns = json.loads(text)
        for place in (_LINES, _ANSWER_LINES):
            if isinstance(columns[place], int):
                columns[place] = shared(columns[place])
        return _entry(seq, *columns)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"cannot read entry {seq}: {error!r}") from None


_LINES, _ANSWER_LINES = 4, 10
_EMPTY, _NULL, _TRUE, _FALSE = '""', "null", "true", "false"


def _entry(
    seq: int, at: float, kind: str, method: str, target: str, headers: list[list[str]], body: str, event_type: str | None,
    session_id: str | None, verdict: str, status: int, response_headers: list[list[str]], response_body: str,
    findings: list[list[str]], fault: list[Any] | None, after_end: bool, protocol: str = FIRST_PROTOCOL,
) -> Entry:  # fmt: skip
    return Entry(
        seq, at, Kind(kind), method, target, lines_from(headers), _bytes(body), event_type, session_id, Verdict(verdict), status,
        answer_lines_from(response_headers), _bytes(response_body), findings_from(findings), fault_from(fault), after_end,
        protocol,
    )  # fmt: skip


def lines_json(lines: RawHeaders) -> list[list[str]]:
    """Return the header lines of a request as JSON has them; `lines_from` reads them back."""
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in lines]


def lines_from(value: list[list[str]]) -> RawHeaders:
    return tuple((_bytes(name), _bytes(line)) for name, line in value)


def answer_lines_from(value: list[list[str]]) -> str:
    """Return the header lines of an answer, as an entry has them, from JSON."""
    return header_text(tuple((name, line) for name, line in value))


def fault_from(value: list[Any] | None) -> FaultHit | None:
    return FaultHit(*value) if value else None


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")


dumps = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii


def deliveries_text(deliveries: Iterable[tuple[int, Delivery]]) -> str:
    return dumps([[seq, delivery] for seq, delivery in deliveries])


def deliveries_from(text: str) -> tuple[tuple[int, Delivery], ...]:
    return tuple((seq, Delivery(delivery)) for seq, delivery in json.loads(text))
