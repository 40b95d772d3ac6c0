"""Why a number is what it is: the intervals and moments a tally summed it from, looked up only when somebody asks.

The spans of a duration are exact: their lengths add up to it. It must not count anything anew: what is shown here is what
the tally did.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import Final

from mcmock.analytics import playback
from mcmock.analytics.metrics import METRICS, Accounts, Marks, Own, Values
from mcmock.analytics.records import Close, Segment, Span, state_key
from mcmock.analytics.tally import Reported, Tally
from mcmock.core import turns


class Evidence:
    """The tally a report was made from, ready to be asked."""

    def __init__(self, tally: Tally, close: Close) -> None:
        self._tally = tally
        self._close = close
        self._by_labels: dict[tuple[str, ...], list[Segment]] = {}

    def of(self, name: str) -> tuple[Span, ...]:
        """Return the spans behind `name`: a metric, or `ads.0`, `ad_breaks.0`, `chapters.0`, `states.mute` for their time."""
        kind, dot, which = name.partition(".")
        if dot and kind in _RECORDS:
            return tuple(_RECORDS[kind](self, which))
        if name not in METRICS:
            raise ValueError(f"{name!r} is not a metric of a report: see mcmock.analytics.METRICS")
        return tuple(self._spans(METRICS[name].counted))

    def _spans(self, counted: Marks | Accounts | Values | Own | None) -> Iterable[Span]:
        if isinstance(counted, Accounts):
            return (self._whole(segment) for segment in self._segments(counted.labels))
        if isinstance(counted, Marks):
            return self._marked(*counted)
        if isinstance(counted, Values):
            return self._reported(*(getattr(self._tally, name) for name in counted.names))
        return () if counted is None else _OWN[counted.name](self)

    # -- time on an account ---------------------------------------------------------------------------------------------

    def _segments(self, labels: tuple[str, ...]) -> list[Segment]:
        """Return the time on these accounts, in order: looked up once, since each ad and chapter asks."""
        if labels not in self._by_labels:
            last = () if self._tally.segment is None else (self._tally.segment,)
            every = turns.paused(chain(self._tally.segments, last))
            self._by_labels[labels] = [segment for segment in every if segment.label in labels]
        return self._by_labels[labels]

    def _whole(self, segment: Segment) -> Span:
        return Span(segment.start_ms, segment.end_ms, self._seqs(range(segment.first, segment.last + 1)), segment.label)

    def _clipped(self, segments: list[Segment], start: int, end: int, label: str | None = None) -> Iterator[Span]:
        for place in range(bisect_right(segments, start, key=_END), len(segments)):
            segment = segments[place]
            if segment.start_ms >= end:
                return
            low, high = max(start, segment.start_ms), min(end, segment.end_ms)
            if low < high:
                yield Span(low, high, self._seqs(self._within(segment, low, high)), label or segment.label)

    def _within(self, segment: Segment, low: int, high: int) -> Iterator[int]:
        for index in range(segment.first, segment.last + 1):
            if low <= self._tally.stamps[index].ts <= high:
                yield index
            turns.pause()

    def _seqs(self, indexes: Iterable[int]) -> tuple[int, ...]:
        """Return the exchanges at these places of the processing order, dropped ones left out, each once."""
        counted = (index for index in turns.paused(indexes) if self._tally.stamps[index].counted)
        return tuple(dict.fromkeys(self._tally.seqs[index] for index in counted))

    # -- moments --------------------------------------------------------------------------------------------------------

    def _moment(self, index: int) -> Span:
        stamp = self._tally.stamps[index]
        return Span(stamp.ts, stamp.ts, (self._tally.seqs[index],), stamp.event_type)

    def _marked(self, name: str, first: bool) -> Iterator[Span]:
        places = (self._moment(mark.place) for mark in turns.paused(self._tally.marks) if mark.metric == name)
        return islice(places, 1 if first else None)

    def _reported(self, *values: Reported | None) -> Iterator[Span]:
        for value in values:
            if value is not None:
                yield self._moment(value.place)

    def _errors(self, source: str) -> Iterator[Span]:
        for _, index in self._tally.errors[source]:
            yield self._moment(index)

    # -- the rest -------------------------------------------------------------------------------------------------------

    def _watched(self) -> Iterator[Span]:
        pieces = self._tally.watched_pieces()
        shown: list[list[int]] = [[] for _ in pieces]
        for run in turns.paused([*self._tally.runs, *([self._tally.run] if self._tally.run else [])]):
            place = bisect_right(pieces, run.start, key=itemgetter(0)) - 1
            if place >= 0 and run.end <= pieces[place][1]:
                shown[place] += range(run.first, run.last + 1)
        for (start, end), inside in zip(pieces, shown, strict=True):
            yield Span(round(start * 1000), round(end * 1000), self._seqs(sorted(inside)), "watched", "playhead")

    def _bitrate(self) -> Iterator[Span]:
        playing = self._segments(("content", "ad"))
        rates = list(self._tally.rates)
        ends = [rate.since_ms for rate in rates[1:]] + [self._tally.clock]
        for rate, end in zip(rates, ends, strict=False):
            yield from self._clipped(playing, rate.since_ms, end, f"{rate.kbps:g} kbps")

    def _silence(self) -> Iterator[Span]:
        start, end = self._tally.last_at, self._close.at
        if start is not None and end > start and self._close.reason != "ended" and not self._tally.downloaded:
            yield Span(round(start * 1000), round(end * 1000), (self._tally.last_seq,), "silence", "arrival")

    def _edge(self, ts: int | None) -> Iterator[Span]:
        indexes = [
            index for index, stamp in enumerate(turns.paused(self._tally.stamps)) if stamp.counted and stamp.ts == ts
        ]
        if ts is not None and indexes:
            yield Span(ts, ts, self._seqs(indexes), self._tally.stamps[indexes[0]].event_type)

    def _last_switch(self) -> Iterator[Span]:
        """The latest event that can have moved the session to where it stands."""
        for place in range(len(self._tally.stamps) - 1, -1, -1):
            stamp = self._tally.stamps[place]
            if stamp.counted and stamp.event_type in _SWITCHES:
                yield self._moment(place)
                return

    # -- records --------------------------------------------------------------------------------------------------------

    def _ad(self, which: str) -> Iterator[Span]:
        ordinal = int(which)
        ads = self._segments(("ad",))
        first = bisect_left(ads, ordinal, key=_OWNER)  # ads are numbered as they come
        return (self._whole(segment) for segment in ads[first : bisect_right(ads, ordinal, key=_OWNER)])

    def _ad_break(self, which: str) -> Iterator[Span]:
        breaks = [*self._tally.breaks, *([self._tally.ad_break] if self._tally.ad_break else [])]
        ad_break = breaks[int(which)]
        return self._clipped(self._segments(("ad",)), ad_break.start_ts, _end(ad_break.end_ts, self._tally))

    def _chapter(self, which: str) -> Iterator[Span]:
        chapters = [*self._tally.chapters, *([self._tally.chapter] if self._tally.chapter else [])]
        chapter = chapters[int(which)]
        return self._clipped(self._segments(("content",)), chapter.start_ts, _end(chapter.end_ts, self._tally))

    def _state(self, name: str) -> Iterator[Span]:
        state = self._tally.states[state_key(name)]
        for segment in self._tally.state_spans:
            if segment.label == state.name and segment.start_ms < segment.end_ms:
                yield self._whole(segment)
        if state.opened_ms is not None and state.opened_ms < self._tally.clock:
            last = len(self._tally.seqs) - 1
            yield self._whole(Segment(state.opened_ms, self._tally.clock, state.name, -1, state.opened_by, last))


_SWITCHES: Final = frozenset(
    {
        *playback.PLAYBACK_EVENTS,
        "sessionStart",
        "sessionComplete",
        "adBreakStart",
        "adBreakComplete",
        "adStart",
        "adComplete",
        "adSkip",
    }
)


_END: Final = attrgetter("end_ms")
_OWNER: Final = attrgetter("owner")


def _end(end_ts: int | None, tally: Tally) -> int:
    return tally.clock if end_ts is None else end_ts


_RECORDS: Final[dict[str, Callable[[Evidence, str], Iterator[Span]]]] = {
    "ads": Evidence._ad,
    "ad_breaks": Evidence._ad_break,
    "chapters": Evidence._chapter,
    "states": Evidence._state,
}

_OWN: Final[dict[str, Callable[[Evidence], Iterator[Span]]]] = {
    "watched": Evidence._watched,
    "silence": Evidence._silence,
    "bitrate": Evidence._bitrate,
    "player errors": lambda self: self._errors("player"),
    "external errors": lambda self: self._errors("external"),
    "first event": lambda self: self._edge(self._tally.origin),
    "last event": lambda self: self._edge(self._tally.clock),
    "last switch": Evidence._last_switch,
}
