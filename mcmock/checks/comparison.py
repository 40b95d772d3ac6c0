"""Two sessions side by side: what differs between them, what was lost, what is new, and which of it SDKs are known to do.

Sessions of either API are compared by the names of the Media Collection API, which events have whichever API brought them.
Words for people are `mcmock.checks.comparison_text`'s.

Rules of this file:

1. Events are paired by their type, their content, their time and their playhead, not by their place in the list. Pings are
   not paired: what counts is whether they come often enough between two events that both sessions have.
2. A time is that since the event before it that both sessions have, so that one pause that lasted longer is one difference.
3. A quality value holds until another one is sent: one that is sent again with every event is no difference.
4. A number that follows from playheads is set apart only where every difference between the events is a known one.
5. What tells one run from another is no difference: ids of sessions and visitors, the time of day, whether a session has
   timed out by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from math import isclose
from typing import Any, Final, NamedTuple

from mcmock.analytics import METRICS, Report, camel
from mcmock.analytics.records import state_key
from mcmock.analytics.views import SessionView
from mcmock.checks.alignment import STATE, Sent, aligned, events_sent
from mcmock.checks.certification import PING_GAP, PING_GAP_DOWNLOADED
from mcmock.core import turns
from mcmock.core.events import VISITOR_KEYS, number_or_none

WITHIN: Final = 1.0
"""Seconds by which two durations, times or playheads may differ and still be the same, unless the caller says otherwise."""

MAX_EVENTS: Final = 5_000
"""Events of a session, beside its pings, that are compared; how many come after them is told."""


class Change(StrEnum):
    DIFFERENT = "different"
    LOST = "lost"  # the old session alone has it
    NEW = "new"  # the new session alone has it


class Part(StrEnum):
    REPORT = "report"
    EVENTS = "events"
    PARAMS = "params"
    METADATA = "metadata"
    QUALITY = "quality"


REPORTED: Final = (Part.REPORT, Part.PARAMS, Part.METADATA)
"""The parts that a report shows: its numbers, its dimensions and its custom metadata."""


class Known(NamedTuple):
    """Something that SDKs, or the two APIs, are known to do differently."""

    about: str
    source: str


_RUN: Final = "recordings of Media SDK JS 3.1.0, Web SDK 2.33.1, and Edge Media for Android and Roku"
_FIELDS: Final = "Media Edge API, fields of XDM"

KNOWN: Final[Mapping[str, Known]] = {
    "repeated-play": Known("play sent again while it plays: as the content begins, and after each adStart", _RUN),
    "play-before-ads": Known("play sent before a pre-roll, which other SDKs keep back", _RUN),
    "ping-times": Known("pings counted from another moment, but as often as they should come", _RUN),
    "closing-events": Known("ads, breaks, chapters and the session closed by the SDK at the end, or left open", _RUN),
    "states-in-one-update": Known("statesUpdate instead of stateStart and stateEnd", "Media Edge API, statesUpdate"),
    "whole-numbers": Known("playheads, lengths and offsets as whole numbers", _FIELDS),
    "playhead-after-seek": Known("the play after a seek still has the playhead from before it", _RUN),
    "set-elsewhere": Known("the datastream, identityMap and implementationDetails say it, and no param", _FIELDS),
    "bitrate-unit": Known("bitrates in kbit/s instead of bit/s", _FIELDS),
    "text-values": Known("metadata of any type instead of text", _RUN),
    "metadata-path": Known("metadata by its path in the schema, such as _tenant.name", "Media Edge API, customMetadata"),
}  # fmt: skip
"""What is set apart, by name. docs/migration.md has a line for each."""


class Difference(NamedTuple):
    """One difference. `name` is a number, a param or a key; or event, time, playhead, outcome or pings. `about` is an event
    or a record in words, "" for the session. `old` and `new` are the values, None where there is none; the seqs are those of
    the events, and `known` is a key of KNOWN.
    """

    part: Part
    change: Change
    name: str
    about: str = ""
    old: Any = None
    new: Any = None
    old_seq: int | None = None
    new_seq: int | None = None
    known: str | None = None


class Pair(NamedTuple):
    """An event that both sessions have, or one of them alone. `change` is None where it is the same, or differs as is known."""

    old: Sent | None
    new: Sent | None
    change: Change | None = None
    known: str | None = None

    @property
    def is_both(self) -> bool:
        return self.old is not None and self.new is not None

    @property
    def event(self) -> Sent:
        one = self.old or self.new
        assert one is not None
        return one


class Comparison(NamedTuple):
    """`pairs` are all events in their order. `left_out` counts the events that were too many to be compared."""

    old: SessionView
    new: SessionView
    within: float
    pairs: tuple[Pair, ...]
    differences: tuple[Difference, ...]
    left_out: int = 0

    @property
    def set_apart(self) -> dict[str, tuple[Difference, ...]]:
        """The known differences, by name."""
        named: dict[str, list[Difference]] = {name: [] for name in KNOWN}
        for one in turns.paused(self.differences):
            if one.known is not None:
                named[one.known].append(one)
        return {name: tuple(found) for name, found in named.items() if found}

    def counted(self, *, count_known: bool = False, parts: Iterable[Part] = Part) -> tuple[Difference, ...]:
        """Return the differences of these parts that make the sessions differ; `count_known` counts known ones, too."""
        wanted = set(parts)
        found = turns.paused(self.differences)
        return tuple(one for one in found if one.part in wanted and (count_known or one.known is None))


def compare(old: SessionView, new: SessionView, within: float = WITHIN) -> Comparison:
    """Return what differs between two sessions. Times, durations and playheads within `within` seconds are the same."""
    return _Comparing(old, new, within).done()


def api_of(view: SessionView) -> str:
    """Return the name of the API that a session was sent to; "" where nothing of it is in the log."""
    return next((one.protocol.name for one in view.exchanges), "")


class _Comparing:
    def __init__(self, old: SessionView, new: SessionView, within: float) -> None:
        self._old, self._new, self._within = old, new, within
        self._across = api_of(old) != api_of(new)
        self._found: list[Difference] = []

    def done(self) -> Comparison:
        sides = [_Side.of(view) for view in (self._old, self._new)]
        old, new = (side.events for side in sides)
        pairs = [
            self._pair(old, new, at_old, at_new) if at_old is not None and at_new is not None
            else self._alone(old, at_old, Change.LOST) if at_old is not None else self._alone(new, at_new, Change.NEW)
            for at_old, at_new in turns.paused(aligned(old, new))
        ]  # fmt: skip
        self._times([pair for pair in pairs if pair.is_both])
        with_pings = [pair for stretch in turns.paused(_stretches(pairs, sides)) for pair in self._with_pings(stretch)]
        self._report(pairs)
        turns.let_go_in_turns([*pairs, *with_pings, *self._found])
        left_out = sum(side.left_out for side in sides)
        return Comparison(self._old, self._new, self._within, tuple(with_pings), tuple(self._found), left_out)

    def _say(
        self, part: Part, change: Change, name: str, about: str, pair: tuple[Sent | None, Sent | None] = (None, None),
        values: tuple[Any, Any] = (None, None), known: str | None = None,
    ) -> None:  # fmt: skip
        old, new = (one.seq if one is not None else None for one in pair)
        self._found.append(Difference(part, change, name, about, *values, old, new, known))

    def _differs(self, name: str, pair: tuple[Sent, Sent], values: tuple[Any, Any], known: str | None = None) -> None:
        self._say(Part.EVENTS, Change.DIFFERENT, name, pair[0].words, pair, values, known)

    # -- events -------------------------------------------------------------------------------------------------------

    def _alone(self, side: Sequence[Sent], at: int | None, change: Change) -> Pair:
        assert at is not None
        one, known = side[at], _known_alone(side, at)
        pair = Pair(one, None, change, known) if change is Change.LOST else Pair(None, one, change, known)
        self._say(Part.EVENTS, change, "event", one.words, (pair.old, pair.new), known=known)
        return pair

    def _pair(self, old: Sequence[Sent], new: Sequence[Sent], at_old: int, at_new: int) -> Pair:
        """Say what differs between two events that belong together."""
        pair = one, other = old[at_old], new[at_new]
        before = len(self._found)
        if one.event_type != other.event_type:
            self._differs("event", pair, (one.event_type, other.event_type))
        elif one.in_update != other.in_update:
            self._differs("event", pair, (_sent_as(one), _sent_as(other)), "states-in-one-update")
        if one.outcome != other.outcome:
            self._differs("outcome", pair, (str(one.outcome), str(other.outcome)))
        self._playhead(pair, (old[at_old + 1 :][:1], new[at_new + 1 :][:1]), (old[:at_old][-1:], new[:at_new][-1:]))
        self._values(Part.PARAMS, pair, one.params, other.params)
        self._values(Part.METADATA, pair, one.metadata, other.metadata)
        if one.says_quality or other.says_quality:
            self._values(Part.QUALITY, pair, one.quality, other.quality)
        names = [found.known for found in self._found[before:]]
        return Pair(one, other, Change.DIFFERENT if None in names else None, names[0] if names else None)

    def _playhead(
        self, pair: tuple[Sent, Sent], after: tuple[Sequence[Sent], Sequence[Sent]],
        before: tuple[Sequence[Sent], Sequence[Sent]],
    ) -> None:  # fmt: skip
        one, other = pair
        apart = abs(one.playhead - other.playhead)
        is_rounded = _is_rounded(one.playhead, other.playhead)
        if apart <= self._within and not is_rounded:
            return
        known = "whole-numbers" if is_rounded else None
        if known is None and one.event_type == "play" and all(after) and all(before):
            resumes = all(side[0].event_type == "pauseStart" for side in before)
            agree = abs(after[0][0].playhead - after[1][0].playhead) <= self._within + 1
            known = "playhead-after-seek" if resumes and agree else None
        self._differs("playhead", pair, (one.playhead, other.playhead), known)

    def _times(self, both: Sequence[Pair]) -> None:
        """Rule 2."""
        for first, then in turns.paused(pairwise(both)):
            assert first.old
            assert first.new
            assert then.old
            assert then.new
            old, new = (round(step, 3) for step in (then.old.at - first.old.at, then.new.at - first.new.at))
            if round(abs(old - new), 3) > self._within:
                about = f"{then.old.words}, since {first.old.event_type}"
                self._say(Part.EVENTS, Change.DIFFERENT, "time", about, (then.old, then.new), (old, new))

    def _with_pings(self, stretch: _Stretch) -> list[Pair]:
        change, known = self._pings(stretch)
        old, new = stretch.pings
        pings = [
            Pair(old[at] if at < len(old) else None, new[at] if at < len(new) else None, change, known)
            for at in turns.paused(range(max(len(old), len(new))))
        ]
        first = [pair for pair in stretch.pairs[:1] if pair.is_both]
        rest = turns.sorted_in_turns([*stretch.pairs[len(first) :], *pings], lambda pair: pair.event.at)
        return [*first, *rest]

    def _pings(self, stretch: _Stretch) -> tuple[Change | None, str | None]:
        """Say how the pings of one stretch differ, and return what becomes of them."""
        old, new = stretch.pings
        if len(old) == len(new):
            steps = turns.paused(zip(*stretch.steps(), strict=True))
            if all(abs(a - b) <= self._within for a, b in steps):
                return None, None
        gap = PING_GAP_DOWNLOADED if self._old.session.downloaded or self._new.session.downloaded else PING_GAP
        known = "ping-times" if all(side <= gap for side in stretch.longest_gaps()) else None
        change = Change.LOST if not new else Change.NEW if not old else Change.DIFFERENT
        about = f"after {stretch.pairs[0].event.words}" if stretch.pairs else "before the first event"
        pair = (old[0] if old else None, new[0] if new else None)
        self._say(Part.EVENTS, change, "pings", about, pair, (len(old), len(new)), known)
        return None if known else change, known

    # -- values that were sent ------------------------------------------------------------------------------------------

    def _values(self, part: Part, pair: tuple[Sent, Sent], old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        moved = _moved_names(old, new) if part is Part.METADATA and self._across else {}
        for name, there in moved.items():
            self._say(part, Change.DIFFERENT, name, pair[0].words, pair, (name, there), "metadata-path")
        for key in [key for key in {**old, **new} if key not in moved and key not in moved.values()]:
            before, now = old.get(key), new.get(key)
            if not _is_same(before, now) and not self._is_no_matter(key, before, now):
                change = Change.LOST if now is None else Change.NEW if before is None else Change.DIFFERENT
                known = self._known_value(part, key, before, now) if self._across else None
                self._say(part, change, key, pair[0].words, pair, (before, now), known)

    def _is_no_matter(self, key: str, old: Any, new: Any) -> bool:
        """Rule 5; how a standard state is spelled; and how long a start took, which no two runs agree on."""
        if key in VISITOR_KEYS:
            return old is not None and new is not None
        if key == STATE:
            return state_key(old) == state_key(new)
        one, other = number_or_none(old), number_or_none(new)
        return (
            key == _TIME_TO_START and one is not None and other is not None and abs(one - other) <= self._within * 1000
        )

    def _known_value(self, part: Part, key: str, old: Any, new: Any) -> str | None:
        """Return the name of what is known of a value that the two APIs have differently."""
        if part is Part.METADATA:
            return "text-values" if old is not None and new is not None and _text(old) == _text(new) else None
        if key.startswith(_ELSEWHERE):
            return "set-elsewhere"
        one, other = number_or_none(old), number_or_none(new)
        if one is None or other is None:
            return None
        if key == _BITRATE and (_is_thousandth(one, other) or _is_thousandth(other, one)):
            return "bitrate-unit"
        return "whole-numbers" if _is_rounded(one, other) else None

    # -- the report -----------------------------------------------------------------------------------------------------

    def _report(self, pairs: Sequence[Pair]) -> None:
        names = {one.known for one in self._found if one.part is Part.EVENTS}
        names |= {one.known for one in self._found if one.known == "whole-numbers"}  # of the length, too
        closed = {pair.event.event_type for pair in pairs if pair.known == "closing-events"}
        old, new = self._old.report, self._new.report
        for name in (name for name in METRICS if name not in _OF_THE_RUN):
            if not self._is_same_number(name, old, new):
                known = next((one for one in _EXPLAINED.get(name, ()) if one in names and None not in names), None)
                known = known or self._known_rate(name, old, new)
                self._number(camel(name), "", getattr(old, name), getattr(new, name), known)
        if old.close_reason != new.close_reason and "ended" in (old.close_reason, new.close_reason):
            known = "closing-events" if "sessionEnd" in closed else None
            self._number("closeReason", "", old.close_reason, new.close_reason, known)
        self._records(pairs, closed)
        self._states(old, new)

    def _number(self, name: str, about: str, old: Any, new: Any, known: str | None = None) -> None:
        change = Change.LOST if new is None else Change.NEW if old is None else Change.DIFFERENT
        self._say(Part.REPORT, change, name, about, values=(old, new), known=known)

    def _is_same_number(self, name: str, old: Report, new: Report) -> bool:
        one, other = getattr(old, name), getattr(new, name)
        if name == "bitrate_average_bucket":
            return one == other or self._is_same_number("bitrate_average", old, new)
        before, now, unit = number_or_none(one), number_or_none(other), METRICS[name].unit
        if before is None or now is None or unit not in ("s", "kbps", "ratio"):
            return bool(one == other)
        if unit == "kbps":
            return abs(before - now) <= max(1.0, max(before, now) * _RATE_SLACK)
        scale = 1.0 if unit == "s" else self._length()
        return round(abs(before - now) * scale, 3) <= self._within

    def _known_rate(self, name: str, old: Report, new: Report) -> str | None:
        if (
            not self._across
            or not name.startswith("bitrate_average")
            or not (old.bitrate_average and new.bitrate_average)
        ):
            return None
        low, high = sorted((old.bitrate_average, new.bitrate_average))
        return "bitrate-unit" if abs(low * 1000 - high) <= high * _RATE_SLACK else None

    def _length(self) -> float:
        """Return the seconds of content that a ratio is a part of."""
        lengths = (number_or_none(view.report.params.get("media.length")) for view in (self._old, self._new))
        return min((length for length in lengths if length is not None), default=0.0)

    def _records(self, pairs: Sequence[Pair], closed: set[str]) -> None:
        """Compare the ads, breaks and chapters that both sessions began."""
        seqs = {pair.old.seq: pair.new.seq for pair in turns.paused(pairs) if pair.old and pair.new}
        for kind, fields, closing in _RECORDS:
            old, new = getattr(self._old.report, kind), getattr(self._new.report, kind)
            by_seq = {one.seq: one for one in new}
            is_live = len(by_seq) == len(new) and len({one.seq for one in old}) == len(old)  # not of one array
            for place, one in enumerate(turns.paused(old)):
                other = by_seq.get(seqs.get(one.seq, -1)) if is_live else new[place] if place < len(new) else None
                if other is not None:
                    left_open = bool(closed & closing) and bool(_LEFT & {one.outcome, other.outcome})
                    self._record(f"{camel(kind)}[{place}]", fields, one, other, left_open)

    def _record(self, about: str, fields: Sequence[str], old: Any, new: Any, left_open: bool) -> None:
        for name in fields:
            one, other = getattr(old, name), getattr(new, name)
            is_time = name == "time_spent"
            if one != other and not (is_time and round(abs(one - other), 3) <= self._within):
                known = "closing-events" if left_open and not is_time else None
                self._number(camel(name), about, one, other, known)

    def _states(self, old: Report, new: Report) -> None:
        before, now = ({state_key(one.name): one for one in report.states} for report in (old, new))
        for key in {**before, **now}:
            one, other = before.get(key), now.get(key)
            counts = (one.count if one else None, other.count if other else None)
            if counts[0] != counts[1]:
                self._number("count", f"states {key!r}", *counts)
            elif one and other and round(abs(one.time - other.time), 3) > self._within:
                self._number("time", f"states {key!r}", one.time, other.time)


_RATE_SLACK: Final = 0.01  # of a bitrate, which is an average over time
_TIME_TO_START: Final = "media.qoe.timeToStart"
_BITRATE: Final = "media.qoe.bitrate"
_ELSEWHERE: Final = ("analytics.", "visitor.", "appInstallationId", "media.libraryVersion")

_OF_THE_RUN: Final = frozenset({
    "session_id", "first_ts", "last_ts", "state", "close_reason", "seconds_since_last_call", "evicted", "authorized",
})  # fmt: skip
"""Numbers that tell one run from another, depend on when somebody looks, or are a param that is compared as one."""

_BY_PLAYHEAD: Final = ("whole-numbers", "playhead-after-seek", "ping-times")
_EXPLAINED: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys((
    "unique_time_played", "segment", "stall_count", "stall_impacted", "stall_time",
    "progress_10", "progress_25", "progress_50", "progress_75", "progress_95",
), _BY_PLAYHEAD)  # fmt: skip
"""Which known differences between events can be what makes a number differ."""

_LEFT: Final = frozenset({"open", "abandoned"})
_RECORDS: Final[tuple[tuple[str, tuple[str, ...], frozenset[str]], ...]] = (
    # record, what is compared of it, and the events that close it
    ("ads", ("outcome", "completed", "time_spent", "in_reports"), frozenset({"adSkip"})),
    ("ad_breaks", ("outcome", "completed", "ad_count", "time_spent"), frozenset({"adBreakComplete"})),
    ("chapters", ("outcome", "completed", "time_spent"), frozenset({"chapterSkip"})),
)


# -- the two sides ----------------------------------------------------------------------------------------------------------


class _Side(NamedTuple):
    """The events of a session but its pings, and the pings before the first of them, and after each."""

    events: list[Sent]
    pings: list[list[Sent]]
    left_out: int

    @classmethod
    def of(cls, view: SessionView) -> _Side:
        events: list[Sent] = []
        pings: list[list[Sent]] = [[]]
        for one in turns.paused(events_sent(view)):
            if one.event_type == "ping":
                pings[-1].append(one)
            else:
                events.append(one)
                pings.append([])
        return cls(events[:MAX_EVENTS], pings[: MAX_EVENTS + 1], max(0, len(events) - MAX_EVENTS))


class _Stretch(NamedTuple):
    """From one event that both sessions have to the next: `pairs` begins with the first, `end` is the second."""

    pairs: list[Pair]
    pings: tuple[list[Sent], list[Sent]]
    end: Pair | None

    def steps(self) -> Iterator[list[float]]:
        """Yield when the pings of each session came, in seconds since the stretch began."""
        for side, pings in enumerate(self.pings):
            start = self.pairs[0][side] if self.pairs else None
            yield [one.at - (start.at if isinstance(start, Sent) else 0.0) for one in turns.paused(pings)]

    def longest_gaps(self) -> Iterator[float]:
        """Yield the longest time without any event, in seconds, of each session."""
        for side, pings in enumerate(self.pings):
            known = [pair[side] for pair in [*self.pairs, *([self.end] if self.end else [])]]
            sent = [one for one in turns.paused([*known, *pings]) if isinstance(one, Sent)]
            times = [one.at for one in turns.paused(turns.sorted_in_turns(sent, lambda one: one.at))]
            yield max((after - before for before, after in turns.paused(pairwise(times))), default=0.0)


def _stretches(pairs: Sequence[Pair], sides: Sequence[_Side]) -> Iterator[_Stretch]:
    """Yield the parts that the events of both sessions cut them into."""
    taken, inside = [0, 0], list[Pair]()
    pings = (list(sides[0].pings[0]), list(sides[1].pings[0]))
    for pair in pairs:
        if pair.is_both:
            yield _Stretch(inside, pings, pair)
            inside, pings = [], ([], [])
        inside.append(pair)
        for side, one in enumerate((pair.old, pair.new)):
            if one is not None:
                taken[side] += 1
                pings[side].extend(sides[side].pings[taken[side]])
    yield _Stretch(inside, pings, None)


# -- what is known, and what is the same ------------------------------------------------------------------------------------

_CLOSING: Final = ("adSkip", "chapterSkip", "adBreakComplete", "sessionEnd")
_AT_THE_END: Final = (*_CLOSING, "sessionComplete")


def _known_alone(side: Sequence[Sent], at: int) -> str | None:
    """Return the name of what is known of an event that the other session has not."""
    one, later = side[at], side[at + 1 :]
    if one.event_type in _CLOSING:
        return "closing-events" if all(two.event_type in _AT_THE_END for two in later) else None
    if one.event_type != "play":
        return None
    if one.repeats:
        return "repeated-play"
    begins_ads = bool(later) and later[0].event_type == "adBreakStart" and later[0].at - one.at <= WITHIN
    return "play-before-ads" if begins_ads else None


def _sent_as(one: Sent) -> str:
    return "statesUpdate" if one.in_update else one.event_type


def _is_rounded(one: float, other: float) -> bool:
    """Return whether one is a whole number next to the other, which is none."""
    return abs(one - other) < 1 and float(one).is_integer() != float(other).is_integer()


def _is_thousandth(one: float, other: float) -> bool:
    return one > 0 and abs(one * 1000 - other) < 1000


def _is_same(old: Any, new: Any) -> bool:
    """Return whether two values say the same: a flag that is not set may be left out."""
    if old is None or new is None:
        left = new if old is None else old
        return left is None or left is False
    one, other = number_or_none(old), number_or_none(new)
    if one is not None and other is not None:
        return isclose(one, other, rel_tol=1e-9)
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _text(value: Any) -> str:
    """Return a value as the Media SDK writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _moved_names(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata that has a plain name on one side and a path on the other, with the same value: old to new name."""
    moved: dict[str, str] = {}
    for one, other in ((old, new), (new, old)):
        by_end = {name.rpartition(".")[2]: name for name in other if "." in name and name not in one}
        for name, value in one.items():
            there = by_end.get(name)
            if there is not None and name not in other and _text(value) == _text(other[there]):
                moved |= {name: there} if one is old else {there: name}
    return moved
