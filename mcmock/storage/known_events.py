"""Decides about events that are known by their form, upon what a batch would write: as the engine does over an Overlay, in fewer
steps and with the same result.

It is for a store that servers share, where no fault is in force and none has been. What it cannot decide it leaves as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mcmock.core import http, sessions
from mcmock.core.model import Answer, Kind, Mode, RawHeaders, Request, Verdict
from mcmock.engine import weights
from mcmock.engine.changes import Change, Row
from mcmock.engine.engine import Engine
from mcmock.engine.log import Entry, weight_of
from mcmock.protocols.base import KnownForms, RecalledEvent
from mcmock.storage import codec
from mcmock.storage.overlay import Ahead

MAX_TARGETS: Final = 4096
"""Request targets that are remembered; past that, remembering starts over."""

MAX_LINES: Final = 256
"""The same of header lines."""

_new = tuple.__new__  # half of the price of Answer(…), on the way of every event


class _Lines(NamedTuple):
    """Header lines that came: what is kept of them, what that weighs, and whether they have nothing that is found in an event."""

    came: RawHeaders
    kept: RawHeaders
    weight: int
    are_usual: bool


class KnownEvents:
    """Those of the first API."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._state = engine, engine.state
        first = next(iter(engine.protocols.values()))
        self._name, self._forms = first.name, first.known
        self._mode: Mode | None = None
        self._recall: Callable[[bytes], RecalledEvent | None]
        self._named: dict[str, str | None] = {}  # the session that the target of an event names
        self._lines: dict[int, _Lines] = {}  # by the id of the tuple that came

    def decide(self, request: Request, ahead: Ahead, version: Row) -> tuple[Answer, Change] | None:
        """Return what is answered, and the Change that makes it true, which `ahead` has by then; None where that takes more.

        It rests on `version`, that of clock and rules.
        """
        forms, state = self._forms, self._state
        method, target, headers, body, _, _, keep_alive, is_complete, refusal = request
        if forms is None or not ahead.is_plain or state.has_met_faults:
            return None
        if method != "POST" or not keep_alive or not is_complete or refusal is not None:
            return None
        named = self._named[target] if target in self._named else self._session_of(forms, target)
        lines = self._lines.get(id(headers))
        if lines is None or lines.came is not headers:
            lines = self._read_lines(forms, headers)
        session = ahead.sessions[named] if named in ahead.sessions else state.sessions.get(str(named))
        now = state.now()
        if session is None or not lines.are_usual or not sessions.is_open_at(session, now):
            return None
        if self._engine.policy.mode is not self._mode:
            self._mode = self._engine.policy.mode
            self._recall = forms.recalls(Kind.EVENT, self._mode)
        try:
            recalled = self._recall(body)
        except Exception:
            return None  # the ordinary way says what it is
        if recalled is None:
            return None
        event_type, playhead, ts, findings, _ = recalled
        session_id, response = session.id, forms.accepted(now)
        after = ahead.sessions[session_id] = sessions.take(session, event_type, playhead, now, ts)
        status, answer, answer_body, _ = response
        entry = _new(Entry, (
            0, now, Kind.EVENT, method, target, lines.kept, body, event_type, session_id, Verdict.ACCEPTED, status, answer,
            answer_body, findings, None, False, self._name,
        ))  # fmt: skip
        reads = version, _new(Row, (codec.SESSIONS, session_id, session))
        writes = (_new(Row, (codec.SESSIONS, session_id, after)),)
        change = _new(Change, (reads, writes, entry, weight_of(entry, lines.weight), (), "", 0, 0))
        return _new(Answer, (0, response, (), None, now, Kind.EVENT, Verdict.ACCEPTED, None)), change

    def _session_of(self, forms: KnownForms, target: str) -> str | None:
        line = forms.line("POST", target)
        if len(self._named) >= MAX_TARGETS:
            self._named.clear()
        named = self._named[target] = line.session_id if line is not None and line.kind is Kind.EVENT else None
        return named

    def _read_lines(self, forms: KnownForms, headers: RawHeaders) -> _Lines:
        if len(self._lines) >= MAX_LINES:
            self._lines.clear()
        kept = http.without_secrets(headers)
        lines = self._lines[id(headers)] = _Lines(headers, kept, weights.of_headers(kept), forms.is_usual(headers))
        return lines
