"""Sessions told as text, for a terminal of 80 columns: a timeline a session, the same wherever a check fails.

Decides what is worth a line and how it is laid out. Knows neither what was asked nor who asks: lines to mark are handed in.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from mcmock.analytics.views import SessionView
from mcmock.core import turns
from mcmock.core.match import Match
from mcmock.core.model import Exchange, Kind, Outcome, Verdict
from mcmock.core.printable import printable

WIDTH = 76
"""Columns of a line: 80 less the margin that pytest puts before an error's text."""
FIRST, LAST, MARKED = 20, 30, 40
"""Lines of a long timeline that are always shown: the first, the last, and those marked."""
NEWEST = 1000
"""Requests looked through for those that belong to no session."""
SESSIONS = 5
"""Timelines shown in one text; the rest is counted."""

Marks = Mapping[int, str]
"""Seq to the one character that stands before its line."""

_HEAD = "   seq      time  playhead  event               status"
_INDENT = " " * 8
_ASTRAY = (Verdict.MALFORMED, Verdict.UNKNOWN, Verdict.NO_ROUTE, Verdict.FAULTED, Verdict.BROKEN)
"""The verdicts of requests that may belong to no session."""
_MAX_SAID = 3
"""Findings of one request that are told in full; the rest is counted."""


class _Row(NamedTuple):
    seq: int
    line: str
    details: tuple[str, ...]
    event: str
    alike: tuple[object, ...]  # rows with equal values need not all be shown


def timeline(exchanges: Sequence[Exchange], marks: Marks | None = None) -> str:
    """Return a line per exchange: seq, seconds since the first, playhead, event, status, findings, fault."""
    if not exchanges:
        return "  (no requests in the log)"
    marked, told = marks or {}, set[str]()
    rows = [_row(one, exchanges[0].at, marked.get(one.seq, " "), told) for one in turns.paused(exchanges)]
    turns.let_go_in_turns(rows)
    return "\n".join([_HEAD, *_shown(rows, marked)])


def session(view: SessionView, marks: Marks | None = None) -> str:
    """Return a session's headline and its timeline, then what was found in the session as a whole."""
    after = [line for one in view.judgement.session_findings for line in _wrapped(f"{one.rule}: {one.message}", "  ")]
    return "\n".join([headline(view), timeline(view.exchanges, marks), *after])


def story(
    sessions: Sequence[SessionView], strays: Sequence[Exchange] = (), marks: Marks | None = None, *, earlier: int = 0
) -> str:
    """Each session's timeline, and the requests that belong to none; `earlier` sessions are only counted."""
    parts = [f"({plural(earlier, 'earlier session')} not shown)"] if earlier else []
    parts += [session(view, marks) for view in sessions]
    if strays:
        parts.append(f"requests of no session: {_counted(strays)}\n{timeline(strays, marks)}")
    return "\n\n".join(parts) if parts else "no request has arrived"


class Told(Protocol):
    """What `whole` tells of; the Emulator is one."""

    def session_ids(self) -> list[str]: ...

    def session(self, session_id: str, /) -> SessionView | None: ...

    def requests(self, match: Match, /, *, limit: int | None, newest_first: bool) -> list[Exchange]: ...


def whole(log: Told) -> str:
    """Return the story of everything in the log: the latest `SESSIONS` sessions, and what belongs to none."""
    ids = log.session_ids()
    views = [view for session_id in ids[-SESSIONS:] if (view := log.session(session_id)) is not None]
    return story(views, strays(log), earlier=len(ids) - len(views))


def strays(log: Told) -> list[Exchange]:
    """Return the latest requests that belong to no session, oldest first; preflights and schemas are not worth a line."""
    known = set(log.session_ids())
    latest = log.requests(Match({"verdict": _ASTRAY}), limit=NEWEST, newest_first=True)
    return [one for one in reversed(latest) if one.session_id not in known]


def listed(exchanges: Sequence[Exchange]) -> str:
    """Return how many requests, then a line each, with what their answer said."""
    shown = [f"  #{one.seq} {name(one)}: {one.status} {said(one)}".rstrip() for one in exchanges[:10]]
    more = [f"  and {len(exchanges) - len(shown)} more"] if len(exchanges) > len(shown) else []
    lines = [clip(line, WIDTH) for line in [*shown, *more]]
    return "\n".join([f"{plural(len(exchanges), 'request')}:", *lines])


def said(one: Exchange) -> str:
    """Return what the answer said: the first finding, or the message of a 404 or 410."""
    if one.findings and one.verdict is Verdict.MALFORMED:
        return one.findings[0].message
    found = re.search(r'"message"\s*:\s*"([^"]*)', one.response_body.decode("utf-8", "replace"))
    return found[1] if found else ""


def short(session_id: str) -> str:
    """Return a session id as people say it."""
    return session_id[:8]


def name(one: Exchange) -> str:
    """Return what an exchange is called in a sentence: its event type, or its method and path."""
    return one.event_type or f"{one.method} {one.path}"


def sent(value: Any) -> str:
    """Return a value in a sentence: text in quotes, nothing as `missing`."""
    if value is None:
        return "missing"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return clip(f'"{value}"' if type(value) is str else f"{value}", 48)


def clip(text: str, width: int) -> str:
    """`text` on one line of at most `width` columns."""
    flat = printable(text)
    if columns(flat) <= width:
        return flat
    ends = accumulate(map(_cells, flat))
    return f"{''.join(char for char, end in zip(flat, ends, strict=True) if end < width)}…"


def columns(text: str) -> int:
    """Return how wide a terminal shows it: the letters of East Asia take two columns each, marks on a letter none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def sentence(text: str) -> str:
    """Return a message's first sentence, wrapped; its first line leaves room for the word AssertionError."""
    return textwrap.fill(
        printable(text), WIDTH, initial_indent=" " * 16, break_long_words=False, break_on_hyphens=False
    ).lstrip()


def wrapped(text: str, indent: str) -> str:
    """At most three lines of `text`."""
    return "\n".join(_wrapped(text, indent))


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# -- a session's headline -------------------------------------------------------------------------------------------------


def headline(view: SessionView) -> str:
    """Return a session in one line: its id, its state, what became of its requests, what was watched."""
    return clip(f"session {short(view.id)}, {view.state}: {_counted(view.exchanges)}{_media(view.exchanges)}", WIDTH)


def _counted(exchanges: Sequence[Exchange]) -> str:
    counts = Counter(one.outcome for one in turns.paused(exchanges))
    words = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    return f"{plural(len(exchanges), 'request')} ({words})" if words else "no requests in the log"


def _media(exchanges: Sequence[Exchange]) -> str:
    """Return which content it was, for a person with several sessions before them."""
    for one in exchanges:
        if one.kind is Kind.SESSION and (media := one.params.get("media.id")) is not None:
            return f", {sent(media)}"
    return ""


# -- a line ---------------------------------------------------------------------------------------------------------------


def _row(one: Exchange, start: float, mark: str, told: set[str]) -> _Row:
    event = clip(name(one), 18)
    event += " " * (18 - columns(event))
    cells = f"{mark}{one.seq:>5} {one.at - start:>9.3f}  {_playhead(one.playhead):>8}  {event}  {one.status:>6}"
    rules = [finding.rule for finding in one.findings]
    notes = [*map(printable, _notes(one)), *dict.fromkeys(rule for rule in rules if rule in told)]
    details = _details(one, told)
    line = f"{cells}  {', '.join(notes)}".rstrip()
    if len(line) > WIDTH:
        line, details = cells, [*_wrapped(", ".join(notes), _INDENT), *details]
    plain = (event, one.status, tuple(notes)) if mark == " " and not details else (one.seq,)
    return _Row(one.seq, line, tuple(details), event.rstrip(), plain)


def _playhead(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) < 1_000_000 else f"{value:.2e}"


def _notes(one: Exchange) -> Iterable[str]:
    if one.outcome is Outcome.IGNORED:
        yield "ignored"
    if one.fault is not None:
        yield (
            f"fault {one.fault.rule} ({one.fault.effect})"
            if one.fault.rule != one.fault.effect
            else f"fault {one.fault.rule}"
        )


def _details(one: Exchange, told: set[str]) -> list[str]:
    """Each finding in full the first time its rule appears."""
    new = {finding.rule: finding for finding in one.findings if finding.rule not in told}
    told.update(new)
    said = list(new.values())[:_MAX_SAID]
    lines = [line for one in said for line in _wrapped(f"{one.rule}: {one.message}", _INDENT)]
    return [*lines, f"{_INDENT}and {len(new) - len(said)} more findings"] if len(new) > len(said) else lines


def _wrapped(text: str, indent: str) -> list[str]:
    lines = textwrap.wrap(clip(text, 4 * WIDTH), WIDTH - len(indent) - 2, max_lines=3, placeholder=" …")
    return [f"{indent}{'' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]


# -- which lines ----------------------------------------------------------------------------------------------------------


def _shown(rows: list[_Row], marks: Marks) -> Iterable[str]:
    """Yield the rows worth showing, and a count of what was left out where something was."""
    keep = _kept(rows, marks)
    left_out: list[_Row] = []
    for place, row in enumerate(turns.paused(rows)):
        if place in keep:
            yield from _gap(left_out)
            left_out = []
            yield row.line
            yield from row.details
        else:
            left_out.append(row)
    yield from _gap(left_out)


def _kept(rows: list[_Row], marks: Marks) -> set[int]:
    """Of a run of rows alike the first two and the last two; of a long timeline its ends and what is marked."""
    places = [place for place in turns.paused(range(len(rows))) if not _within_run(rows, place)]
    marked = [place for place in places if rows[place].seq in marks]
    if len(places) <= FIRST + LAST + MARKED:
        return set(places)
    return {*places[:FIRST], *marked[:MARKED], *places[-LAST:]}


def _within_run(rows: list[_Row], place: int) -> bool:
    return 1 < place < len(rows) - 2 and all(row.alike == rows[place].alike for row in rows[place - 2 : place + 3])


def _gap(left_out: list[_Row]) -> Iterable[str]:
    if len(left_out) == 1:
        yield left_out[0].line
        yield from left_out[0].details
    elif left_out:
        counts = Counter(row.event for row in turns.paused(left_out)).most_common(3)
        names = counts[0][0] if len(counts) == 1 else f"({', '.join(f'{count} {event}' for event, count in counts)})"
        yield clip(f"     …  {len(left_out)} more {names}", WIDTH)
