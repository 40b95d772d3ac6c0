"""The judge of one session: takes events as they arrive, puts them in processing order, and says what was counted.

Rules of this file, from "Media Collection API: controlling the order of events":

1. sessionStart is processed at once. Other events wait in a window, which closes when 5 s have passed since the first of
   them arrived, or when more than 10 have; then they are sorted by `ts` and counted for good. What opens and closes what
   breaks ties (tie_order.py), then arrival; in strict mode, and in a downloaded array, arrival alone. A window is closed
   by the next event to arrive, and a tie with that one is not cut in two.
2. What arrives after its window was processed is sorted into the next one, where no time is left for it. Assumed.
3. A judgement takes the open window as if it closed now, without closing it. A downloaded array is one window.
4. The session's time begins at the earliest `ts` among sessionStart and the first window: a player may queue a pre-roll
   until it has a session id. Assumed: no page speaks of it.

It knows nothing of HTTP or storage, and reads no clock: events carry their time.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mcmock.analytics import tie_order
from mcmock.analytics.counting import count
from mcmock.analytics.event_time import EventTimes, Odd
from mcmock.analytics.records import Close
from mcmock.analytics.report import Report, report_of, state_now
from mcmock.analytics.seen import TS_WRONG
from mcmock.analytics.tally import Tally
from mcmock.core.events import VISITOR_KEYS, Event
from mcmock.core.findings import make_finding
from mcmock.core.model import Finding, Mode

WINDOW_SECONDS: Final = 5.0
WINDOW_EVENTS: Final = 10
TIMEOUTS: Final = ("idle", "stalled")

_Findings = dict[int, tuple[Finding, ...]]


@dataclass(frozen=True)
class Judgement:
    """What is true of a session at one moment. The report and the order are made when somebody looks at them.

    `findings` holds, per seq, what follows from the session; what each body says for itself was found on arrival.
    """

    findings: Mapping[int, tuple[Finding, ...]]
    session_findings: tuple[Finding, ...]
    _session_id: str
    _close: Close
    _tally: Tally = field(repr=False)

    @cached_property
    def report(self) -> Report:
        rules = self._tally.seen.rules.union(finding.rule for finding in self.session_findings)
        return report_of(self._tally, self._session_id, self._close, rules)

    @property
    def state(self) -> str:
        """The report's, which takes no report to know."""
        return state_now(self._tally)

    def without_report(self) -> Judgement:
        """Return the same, without what was made of it: a report of a long session takes some MB."""
        return Judgement(self.findings, self.session_findings, self._session_id, self._close, self._tally)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The seqs in processing order."""
        return self._tally.seqs.values()


class Summary(NamedTuple):
    """What other sessions of the same viewer need to know of one; `events` does not count sessionStart.

    `started`, `first` and `last` are the seqs of its sessionStart and of the first and the last request that named it, 0
    where there was none. `fault` is the name of the fault that met its sessionStart. `whole` is false where its requests
    may be missing.
    """

    session_id: str
    viewer: tuple[str, ...]
    media_id: str
    started_at: float
    events: int
    closed: bool
    start: Event | None = None
    live: bool = False
    played: bool = False
    completed: bool = False
    began: float | None = None  # the playhead at the first play
    playhead: float = 0.0  # the latest
    first_quality: Mapping[str, Any] | None = None  # as it was reported first, and last
    last_quality: Mapping[str, Any] | None = None
    started: int = 0
    first: int = 0
    last: int = 0
    fault: str | None = None
    whole: bool = True


class _BufferedEvent(NamedTuple):
    """An event in the open window, and what was seen of it on arrival."""

    event: Event
    path: str
    latest_ts: int | None  # the largest `ts` that arrived before it
    odd: Odd | None = None  # what its `ts` is, if not a time
    overtaken: bool = False  # sessionEnd arrived before it


class Judge:
    """Judges one session, event by event in order of arrival. Adding costs the same however long the session is."""

    def __init__(self, session_id: str, mode: Mode = Mode.DEFAULT, downloaded: bool = False) -> None:
        self.session_id = session_id
        self._mode = mode
        self._downloaded = downloaded
        self._tally = Tally(mode, downloaded)
        self._findings: _Findings = {}
        self.settled: list[int] = []
        """The seqs of which something was found for good, in the order in which it was; one of several events may come again."""
        self._window: list[_BufferedEvent] = []
        self._began, self._arrived = 0.0, 0  # when the window's first event came, and how many have since
        self._latest_ts: int | None = None
        self._times = EventTimes(downloaded)
        self._added = 0
        self._end_arrived = False
        self._as_if: tuple[Tally, _Findings] | None = None

    def add(self, event: Event) -> None:
        """Take in the next event to arrive."""
        self._as_if = None
        path = f"$[{self._added}]" if self._downloaded else "$"
        odd = None if event.after_end else self._times.look(event)
        waiting = _BufferedEvent(event, path, self._latest_ts, odd, self._end_arrived)
        self._added += 1
        self._end_arrived = self._end_arrived or event.event_type == "sessionEnd"
        if not event.after_end:
            self._latest_ts = event.ts if self._latest_ts is None else max(self._latest_ts, event.ts)
        if self._added == 1 and event.event_type == "sessionStart" and not self._downloaded:
            _count(self._tally, [waiting], self._findings)
            self._note_settled([waiting])
            return
        if self._arrived and self._is_over(event.at):
            self._flush(event)
        if not self._arrived:
            self._began = event.at
        self._window.append(waiting)
        self._arrived += 1

    def note(self, found: Iterable[Finding]) -> None:
        """Take in what was found in the body of an event on arrival: it puts numbers in doubt as well."""
        self._as_if = None
        self._tally.meet(found)

    def judgement(self, close: Close) -> Judgement:
        """Return what is true now, the open window taken as if it were processed. Changes nothing."""
        tally, overlay = self._now()
        findings = ChainMap(overlay, self._findings)
        return Judgement(findings, _session_findings(tally, close), self.session_id, close, tally)

    def remains(self) -> list[object]:
        """Return what takes long to let go of where there were many events."""
        tally = self._tally
        return [
            *tally.stamps,
            *tally.marks,
            *tally.segments,
            *tally.runs,
            *tally.ads,
            *tally.breaks,
            *self._findings.values(),
        ]

    def summary(self, close: Close) -> Summary:
        """Return what `mcmock.analytics.duplicate_sessions` compares with other sessions."""
        tally, _ = self._now()
        start = tally.start
        viewer = () if start is None else viewer_of(start.params)
        started_at = 0.0 if start is None else start.at
        events = len(tally.seqs) - (start is not None)
        seen = tally.seen
        return Summary(
            self.session_id, viewer, tally.media_id, started_at, events, close.reason != "open", start, tally.live,
            "content_starts" in tally.counts, "content_completes" in tally.counts, seen.began, tally.playhead,
            seen.first_quality, seen.last_quality,
        )  # fmt: skip

    def _is_over(self, now: float) -> bool:
        over = now - self._began >= WINDOW_SECONDS or self._arrived > WINDOW_EVENTS
        return over and not self._downloaded

    def _flush(self, following: Event) -> None:
        """Process the window, but for what has the `ts` of the event that comes next: a tie is not cut in two."""
        tied, done = self._split(following.ts)
        self._window, self._arrived = tied, 0
        if done:
            _process(self._tally, done, self._findings)
            self._note_settled(done)

    def _note_settled(self, done: Iterable[_BufferedEvent]) -> None:
        self.settled += [waiting.event.seq for waiting in done if waiting.event.seq in self._findings]

    def found(self, seq: int) -> tuple[Finding, ...]:
        """Return what was found for good of an event."""
        return self._findings.get(seq, ())

    def found_in_window(self) -> Mapping[int, tuple[Finding, ...]]:
        """Return what is found of each event of the open window, as if it were processed."""
        return self._now()[1]

    def _split(self, ts: int) -> tuple[list[_BufferedEvent], list[_BufferedEvent]]:
        window = self._window
        tied = [waiting for waiting in window if waiting.event.ts == ts]
        younger = any(waiting.event.ts > ts for waiting in window)
        if self._mode is Mode.STRICT or younger or len(tied) > WINDOW_EVENTS:  # so many: a clock that stands still
            return [], window
        return tied, [waiting for waiting in window if waiting.event.ts != ts]

    def _now(self) -> tuple[Tally, _Findings]:
        if self._as_if is None:
            tally, overlay = self._tally.fork(), {seq: self._findings.get(seq, ()) for seq in self._open_seqs()}
            _process(tally, self._window, overlay)
            if tally.start is not None:  # where every event that was queued is older than sessionStart itself
                tally.spend(tally.start.ts, len(tally.seqs) - 1)
            self._as_if = (tally, overlay)
        return self._as_if

    def _open_seqs(self) -> Iterable[int]:
        return (waiting.event.seq for waiting in self._window)


def judge_session(
    session_id: str,
    events: Iterable[Event],
    close: Close,
    mode: Mode = Mode.DEFAULT,
    downloaded: bool = False,
) -> Judgement:
    """Return the judgement of a whole session at once; `events` in order of arrival."""
    bench = Judge(session_id, mode, downloaded)
    for event in events:
        bench.add(event)
    return bench.judgement(close)


def _process(tally: Tally, window: Sequence[_BufferedEvent], findings: _Findings) -> None:
    """Close a window: sort it and count it."""
    if tally.origin is None:
        known = [] if tally.start is None else [tally.start.ts]
        stamps = known + [waiting.event.ts for waiting in window if not waiting.event.after_end]
        if stamps:
            tally.begin(min(stamps))
    _count(tally, _ordered(tally, window), findings)


def _ordered(tally: Tally, window: Sequence[_BufferedEvent]) -> Iterator[_BufferedEvent]:
    """The window in processing order, each as late as it can be said: what is open tells which of a tie comes next."""
    by_ts = sorted(window, key=_BY_TS)
    if tally.downloaded or tally.mode is Mode.STRICT:
        yield from by_ts
        return
    for _, group in groupby(by_ts, key=_BY_TS):
        tied = list(group)
        while len(tied) > 1:
            yield tied.pop(tie_order.first_of(tally, [waiting.event for waiting in tied]))
        yield tied[0]


_BY_TS: Final = attrgetter("event.ts")


def _count(tally: Tally, ordered: Iterable[_BufferedEvent], findings: _Findings) -> None:
    for waiting in ordered:
        placed = _placing(tally, waiting)
        found = (*placed, *count(tally, waiting.event, waiting.path))
        if found:
            tally.meet(found)
            seq, paths = waiting.event.seq, waiting.event.paths
            if paths.moved is not None:
                found = tuple(one._replace(path=paths.in_request(one.path, waiting.path)) for one in found)
            findings[seq] = (*findings.get(seq, ()), *found)


def _placing(tally: Tally, waiting: _BufferedEvent) -> tuple[Finding, ...]:
    """Return what is to be said of an event's place: taken late, or put back in order."""
    event, latest = waiting.event, waiting.latest_ts
    path = waiting.path + event.paths.ts
    found = None
    if event.after_end:
        return ()
    if waiting.odd is not None:
        if waiting.odd.rule != "clock-skew":
            tally.once(TS_WRONG)
        found = make_finding(waiting.odd.rule, tally.mode, path, waiting.odd.message)
        return () if found is None else (found,)
    if waiting.overtaken and not tally.downloaded:
        message = f"{event.event_type} was overtaken by sessionEnd on the way; it counts"
        found = make_finding("overtaken-by-end", tally.mode, path, message)
    elif tally.origin is not None and event.ts < tally.clock:
        late = tally.clock - event.ts
        found = make_finding("late-event", tally.mode, path, f"{late} ms older than what was already processed")
    elif latest is not None and event.ts < latest:
        message = f"arrived after an event that is {latest - event.ts} ms younger; processing put it back in order"
        found = make_finding("timestamp-backwards", tally.mode, path, message)
    return () if found is None else (found,)


# -- the session as a whole ---------------------------------------------------------------------------------------------


def _session_findings(tally: Tally, close: Close) -> tuple[Finding, ...]:
    closed = close.reason != "open" or tally.downloaded
    found = []
    if closed or "content_completes" in tally.counts:
        found += list(_left_open(tally))
    if close.reason in TIMEOUTS and "content_completes" not in tally.counts:
        found.append(
            ("session-not-ended", f"closed by the {close.reason} timeout, without sessionComplete or sessionEnd")
        )
    if closed and "content_starts" not in tally.counts:
        found.append(("session-never-played", "closed before any play on main content"))
    made = (make_finding(rule, tally.mode, "", message) for rule, message in found)
    return tuple(finding for finding in made if finding is not None)


def _left_open(tally: Tally) -> Iterator[tuple[str, str]]:
    if tally.ad is not None:
        yield "ad-not-closed", f"the ad {tally.ad.id!r} was never ended by adComplete or adSkip"
    if tally.ad_break is not None:
        seconds = tally.ad_break.time_ms / 1000
        yield (
            "ad-break-not-closed",
            f"the ad break {tally.ad_break.index} has no adBreakComplete; its ads ({seconds:g} s) may be taken for content",
        )
    if tally.chapter is not None:
        yield "chapter-not-closed", f"the chapter {tally.chapter.index} was still open"


def viewer_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Who watches, as far as sessionStart says; empty when it says nothing."""
    return tuple(f"{key}={params[key]}" for key in VISITOR_KEYS if isinstance(params.get(key), str) and params[key])
