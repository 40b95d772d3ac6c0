"""The validation checklists as code: what a player is asked to do before its numbers are trusted, point by point.

Adobe's partners walk such lists by hand. The lists that are public, and what each point rests on beside them, are named as
sources; the words are ours. docs/certify.md tells the points to people, and a test compares.

Rules of this file:

1. A point is judged once for each occasion that a session gives it: each pause, each ad, each start. It failed if an occasion
   did, passed if there was one, and was not exercised where there was none. A session that is still open is not blamed for what
   may yet come.
2. It judges the events that were taken in, in the order of their `ts`, and the findings about them. It knows no body, no path
   and no status.
3. What is a matter of taste is no point: a point fails only where a report would be wrong, or a checklist says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

from mcmock.analytics.playhead import DAY, MAX_RATE, RATE_SLACK, SEEK_SLACK, USUAL_RATE, moved
from mcmock.analytics.processing import viewer_of
from mcmock.analytics.views import SessionView
from mcmock.core.events import VISITOR_KEYS, Event, number_or_none
from mcmock.core.model import Outcome
from mcmock.core.sessions import Phase

TEST_1: Final = "Media Analytics validation: Test 1, standard playback"
TEST_2: Final = "Media Analytics validation: Test 2, media interruption"
CALLS: Final = "Media Analytics validation: Test call details"
SEEKING: Final = "events/session, Seeking; Media Analytics validation: Test 1"
ADS: Final = "events/ads"
CHAPTERS: Final = "events/chapters"
STATES: Final = "events/player-state"
ERRORS: Final = "events/error"

PING_GAP: Final = 15.0
"""Seconds without an event beyond which a ping is missing: half as much again as the 10 s that are documented."""

PING_GAP_DOWNLOADED: Final = 75.0
"""The same for downloaded content, which pings every 50 s."""

LONG_PAUSE: Final = 30.0
"""Seconds of a pause from which on pings are looked for in it, and from which on it may be an app in the background."""

STILL: Final = 1.0
"""Seconds that the playhead may move where it stands still."""

NEAR: Final = 3
"""Steps of the playhead, on either side, that one is compared with."""

AT_THE_END: Final = 2.0
"""Seconds before the end of the content that count as its end."""


class Result(StrEnum):
    FAILED = "failed"
    PASSED = "passed"
    NOT_EXERCISED = "not exercised"


class Occasion(NamedTuple):
    """One time that a session exercised a point: whether it did as it is asked, in words, and the events that show it."""

    passed: bool
    message: str
    events: tuple[Event, ...]


class Moment(NamedTuple):
    """An event, and how the session stands after it.

    `content` is starting, playing, paused, buffering or over; `place` is content, break or ad; `ad` is what content would be,
    of the ad.
    """

    event: Event
    content: str
    place: str
    ad: str

    @property
    def plays_content(self) -> bool:
        return self.content == "playing" and self.place == "content"

    @property
    def state(self) -> str:
        """What whatever is on the screen does."""
        return self.ad if self.place == "ad" else self.content


class Viewing:
    """A session as a checklist looks at it. `earlier` are the sessions of the same visitor that were started before it."""

    def __init__(self, view: SessionView, earlier: Sequence[Viewing] = ()) -> None:
        self.view, self.earlier = view, tuple(earlier)

    @property
    def id(self) -> str:
        return self.view.id

    @cached_property
    def arrived(self) -> list[Event]:
        """The events that were taken in, in order of arrival."""
        return list(self.view.taken_in)

    @cached_property
    def moments(self) -> list[Moment]:
        return list(_moments(sorted(self.arrived, key=lambda event: (event.event_type != "sessionStart", event.ts))))

    @cached_property
    def start(self) -> Event | None:
        return next((one for one in self.arrived if one.event_type == "sessionStart"), None)

    def events(self, *kinds: str) -> list[Event]:
        return [moment.event for moment in self.moments if moment.event.event_type in kinds]

    @property
    def is_closed(self) -> bool:
        return self.view.session.phase is not Phase.OPEN or self.view.session.downloaded

    @property
    def visitor(self) -> tuple[str, ...]:
        return viewer_of(self.start.params) if self.start is not None else ()

    @property
    def length(self) -> float:
        """Seconds of content; 0 where it is not known, or live."""
        length = number_or_none(self.start.params.get("media.length")) if self.start is not None else None
        return length if length is not None and 0 < length < DAY else 0.0

    @property
    def ping_gap(self) -> float:
        return PING_GAP_DOWNLOADED if self.view.session.downloaded else PING_GAP

    def found(self, *rules: str) -> tuple[list[Event], list[str]]:
        """Return the events with a finding of these rules, and what was found, that of the whole session last."""
        about = {one.seq: one for one in self.arrived}
        events, told = [], []
        for exchange in self.view.exchanges:
            if mine := [finding.message for finding in exchange.findings if finding.rule in rules]:
                told += mine
                events += [about[exchange.seq]] if exchange.seq in about else []
        told += [finding.message for finding in self.view.judgement.session_findings if finding.rule in rules]
        return events, told


def viewings(views: Iterable[SessionView]) -> list[Viewing]:
    """Return sessions, oldest first, each with those of the same visitor before it."""
    found: list[Viewing] = []
    by_visitor: dict[tuple[str, ...], list[Viewing]] = defaultdict(list)
    for view in views:
        one = Viewing(view)
        alike = by_visitor[one.visitor] if one.visitor else []
        one.earlier = tuple(alike[-1:])
        alike.append(one)
        found.append(one)
    return found


_STATES: Final = {
    "play": "playing", "pauseStart": "paused", "bufferStart": "buffering", "sessionComplete": "over", "sessionEnd": "over",
}  # fmt: skip
_PLACES: Final = {
    "adBreakStart": "break", "adStart": "ad", "adComplete": "break", "adSkip": "break", "adBreakComplete": "content",
}  # fmt: skip


def _moments(events: Iterable[Event]) -> Iterator[Moment]:
    content, place, ad = "starting", "content", "playing"
    for event in events:
        kind = event.event_type
        place = _PLACES.get(kind, place)
        if kind == "adStart":
            ad = "playing"
        if (state := _STATES.get(kind)) is not None:
            if place == "ad" and state != "over":
                ad = state
            else:
                content = state
        yield Moment(event, content, place, ad)


# -- standard playback ------------------------------------------------------------------------------------------------------


def _starts(one: Viewing) -> Iterator[Occasion]:
    _, twice = one.found("two-sessions-for-one-view", "location-unread")
    if one.start is not None:
        words = twice[0] if twice else f"{one.start.event_type} opened the session"
        yield Occasion(not twice, words, (one.start,))


def _names_visitor(one: Viewing) -> Iterator[Occasion]:
    if one.start is None:
        return
    named = [key for key in VISITOR_KEYS if one.start.params.get(key)]
    if named:
        yield Occasion(True, f"named by {named[0]}", (one.start,))
    elif _names_no_account(one.start):
        _, told = one.found("identity-missing")
        yield Occasion(not told, told[0] if told else "the start asks the Edge Network who it is", (one.start,))
    else:
        yield Occasion(False, "sessionStart names no visitor", (one.start,))


def _names_no_account(start: Event) -> bool:
    """Return whether the account is in the URL, as the datastream is in that of Media Edge: such a start has no param for it."""
    return not any(key.startswith("analytics.") or key == "visitor.marketingCloudOrgId" for key in start.params)


_CONTENT: Final = ("media.id", "media.contentType", "media.playerName", "media.channel", "media.length")


_DESCRIBED_WRONG: Final = (
    "length-unit", "length-of-ad", "day-on-demand", "placeholder", "type-misspelt", "stream-type-differs", "media-id-empty",
)  # fmt: skip
_ACCOUNT: Final = ("org-id-form", "tracking-server-form", "report-suite-form")


def _names_account(one: Viewing) -> Iterator[Occasion]:
    if one.start is not None and _names_no_account(one.start):
        yield Occasion(True, "the datastream names the organization and the report suites", (one.start,))
    elif one.start is not None:
        _, told = one.found(*_ACCOUNT)
        yield Occasion(
            not told,
            told[0] if told else "organization, tracking server and report suite have their form",
            (one.start,),
        )


def _names_content(one: Viewing) -> Iterator[Occasion]:
    if one.start is None:
        return
    filled = _filled(one.start, _CONTENT)
    events, told = one.found(*_DESCRIBED_WRONG)
    parts = ("adBreakStart", "adStart", "chapterStart")  # they have points of their own
    wrong = filled.passed and told and not (events and all(event.event_type in parts for event in events))
    yield Occasion(False, told[0], (one.start,)) if wrong else filled


def _filled(event: Event, keys: Sequence[str]) -> Occasion:
    """Return whether the event says something by each of these keys."""
    empty = [key for key in keys if not _says_something(event.params.get(key))]
    words = f"{', '.join(empty)} missing, empty or 0" if empty else f"{event.event_type} has all of {', '.join(keys)}"
    return Occasion(not empty, words, (event,))


def _says_something(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != 0


def _plays(one: Viewing) -> Iterator[Occasion]:
    plays = [moment.event for moment in one.moments if moment.event.event_type == "play" and moment.place == "content"]
    if plays:
        yield Occasion(True, f"play at {plays[0].playhead:g} s", (plays[0],))
    elif watched := [m.event for m in one.moments if m.place == "content" and m.event.playhead > _begin(one) + STILL]:
        yield Occasion(False, "the playhead moved, but no play was sent", (watched[0],))


def _begin(one: Viewing) -> float:
    return one.moments[0].event.playhead if one.moments else 0.0


def _pings_in_content(one: Viewing) -> Iterator[Occasion]:
    yield from _cadence(one, lambda moment: moment.plays_content, "while content played")


def _cadence(one: Viewing, applies: Callable[[Moment], bool], when: str) -> Iterator[Occasion]:
    """Yield an occasion for each ping, and for each gap in which one is missing; `applies` says of the moment before."""
    for before, now in pairwise(one.moments):
        gap = (now.event.ts - before.event.ts) / 1000
        if applies(before) and gap > one.ping_gap:
            yield Occasion(False, f"{gap:.1f} s without an event {when}", (before.event, now.event))
        elif applies(before) and now.event.event_type == "ping":
            yield Occasion(True, f"pings {when}", (now.event,))


class _Step(NamedTuple):
    """Two events between which content played: the seconds of time and of content between them."""

    before: Moment
    now: Moment
    seconds: float
    far: float

    @property
    def rate(self) -> float:
        return self.far / self.seconds if self.seconds > 0 else 0.0


def _steps(one: Viewing) -> list[_Step]:
    played = [(before, now) for before, now in pairwise(one.moments) if before.plays_content and now.place == "content"]
    return [
        _Step(
            before, now, (now.event.ts - before.event.ts) / 1000,
            moved(before.event.playhead, now.event.playhead, one.length or DAY),
        )
        for before, now in played
    ]  # fmt: skip


def _is_steady(steps: Sequence[_Step], place: int) -> bool:
    """Return whether a step near it has the same speed: content that is watched slowly, or fast."""
    rate = steps[place].rate
    alike = (steps[at].rate for at in range(max(0, place - NEAR), min(len(steps), place + NEAR + 1)) if at != place)
    return 0 < rate <= MAX_RATE and any(rate / RATE_SLACK <= other <= rate * RATE_SLACK for other in alike)


def _playhead_moves(one: Viewing) -> Iterator[Occasion]:
    steps = _steps(one)
    for place, step in enumerate(steps):
        if step.seconds < 5:
            continue
        creeps = 0 <= step.far < step.seconds / 2 - 1 and not _is_steady(steps, place)
        words = f"the playhead moved by {step.far:g} s in {step.seconds:g} s of playing"
        yield Occasion(not creeps, words, (step.before.event, step.now.event))


def _completes(one: Viewing) -> Iterator[Occasion]:
    completed = one.events("sessionComplete")
    events, told = one.found("completed-early", "completed-never-played")
    end = one.length - AT_THE_END if one.length else float("inf")
    reached = [m.event for m in one.moments if m.place == "content" and m.event.playhead >= end]
    if told:
        yield Occasion(False, told[0], tuple(events) or tuple(completed))
    elif completed:
        yield Occasion(True, f"sessionComplete at {completed[0].playhead:g} s", (completed[0],))
    elif reached and one.is_closed:
        words = f"the end at {one.length:g} s was reached, and no sessionComplete was sent"
        yield Occasion(False, words, (reached[-1],))


def _ends(one: Viewing) -> Iterator[Occasion]:
    last = one.events("sessionComplete", "sessionEnd")
    if last:
        yield Occasion(True, f"closed by {last[-1].event_type}", (last[-1],))
    elif one.view.session.phase in (Phase.IDLE, Phase.STALLED) and one.moments:
        words = "left to time out, without sessionComplete or sessionEnd"
        yield Occasion(False, words, (one.moments[-1].event,))


def _is_quiet_after_the_end(one: Viewing) -> Iterator[Occasion]:
    ended = one.events("sessionEnd")
    if not ended:
        return
    late = [
        exchange.event for exchange in one.view.exchanges if exchange.seq > ended[0].seq and exchange.event is not None
    ]
    later = tuple(event for event in late if event.ts > ended[0].ts and event.event_type != "sessionEnd")
    words = f"{later[0].event_type} was sent after sessionEnd" if later else "nothing was sent after sessionEnd"
    yield Occasion(not later, words, later or (ended[0],))


def _replays(one: Viewing) -> Iterator[Occasion]:
    again = next((e for e in one.earlier if e.start is not None and _media(e) == _media(one)), None)
    if again is not None and again.start is not None and one.start is not None:
        yield Occasion(True, "the same content was started again, as a session of its own", (again.start, one.start))
    events, told = one.found("play-after-complete")
    if told:
        yield Occasion(False, f"{told[0]}: a replay wants a session of its own", tuple(events))


def _next_media(one: Viewing) -> Iterator[Occasion]:
    before = next((e for e in one.earlier if e.start is not None and _media(e) != _media(one)), None)
    if before is None or one.start is None:
        return
    closing = before.events("sessionComplete", "sessionEnd")
    words = (
        f"the session before it was closed by {closing[-1].event_type}"
        if closing
        else "the session before it was not closed"
    )
    yield Occasion(bool(closing), words, (*closing[-1:], one.start))


def _media(one: Viewing) -> Any:
    return one.start.params.get("media.id") if one.start is not None else None


# -- interruption -----------------------------------------------------------------------------------------------------------


class _Stop(NamedTuple):
    """A stretch in which whatever was on the screen stood still: its moments, and the one that ended it, if one did."""

    moments: list[Moment]
    ended_by: Moment | None

    @property
    def seconds(self) -> float:
        last = self.ended_by or self.moments[-1]
        return (last.event.ts - self.moments[0].event.ts) / 1000

    @property
    def shown_by(self) -> tuple[Event, ...]:
        return (self.moments[0].event, *((self.ended_by.event,) if self.ended_by is not None else ()))


def _stops(one: Viewing, state: str, *, in_ad: bool = False) -> Iterator[_Stop]:
    inside: list[Moment] = []
    for moment in one.moments:
        if moment.state == state and (moment.place == "ad") is in_ad and moment.place != "break":
            inside.append(moment)
        elif inside:
            yield _Stop(inside, moment)
            inside = []
    if inside:
        yield _Stop(inside, None)


def _pauses(one: Viewing) -> Iterator[Occasion]:
    yield from _stands_still(one, "paused")


def _buffers(one: Viewing) -> Iterator[Occasion]:
    yield from _stands_still(one, "buffering")


def _pauses_in_ad(one: Viewing) -> Iterator[Occasion]:
    yield from _stands_still(one, "paused", in_ad=True)


def _stands_still(one: Viewing, state: str, *, in_ad: bool = False) -> Iterator[Occasion]:
    """The playhead runs on in none of them, and a play, or an end, ends each."""
    for stop in _stops(one, state, in_ad=in_ad):
        ran = _ran_on(stop, one.length)
        if ran is not None:
            words = f"the playhead ran on to {ran.playhead:g} s while {state}: was a play forgotten?"
            yield Occasion(False, words, (stop.moments[0].event, ran))
        elif stop.ended_by is not None:
            yield Occasion(
                True, f"{state} for {stop.seconds:.1f} s, until {stop.ended_by.event.event_type}", stop.shown_by
            )


def _ran_on(stop: _Stop, length: float) -> Event | None:
    """Return the first event in it that says that the playhead goes on as time does; a seek is another matter."""
    begun = stop.moments[0].event
    for moment in stop.moments[1:]:
        seconds = (moment.event.ts - begun.ts) / 1000
        far = moved(begun.playhead, moment.event.playhead, length or DAY)
        if far > STILL and seconds / 2 <= far <= seconds * 1.5 + STILL:
            return moment.event
    return None


def _pings_in_pauses(one: Viewing) -> Iterator[Occasion]:
    for stop in _stops(one, "paused"):
        if stop.ended_by is None and one.view.session.phase is Phase.IDLE:
            yield Occasion(False, "silent from the pause on, until the session timed out", (stop.moments[-1].event,))
            continue
        if stop.seconds < LONG_PAUSE:
            continue
        events = [moment.event for moment in stop.moments] + (
            [stop.ended_by.event] if stop.ended_by is not None else []
        )
        gaps = [(before, now) for before, now in pairwise(events) if (now.ts - before.ts) / 1000 > one.ping_gap]
        if gaps:
            words = f"{(gaps[0][1].ts - gaps[0][0].ts) / 1000:.1f} s without a ping while paused"
            yield Occasion(False, words, gaps[0])
        else:
            yield Occasion(True, f"pings went on through {stop.seconds:.0f} s of pause", (events[0], events[-1]))


def _seeks(one: Viewing) -> Iterator[Occasion]:
    for state in ("paused", "buffering"):
        for stop in _stops(one, state):
            if (
                stop.ended_by is None
                or stop.ended_by.event.event_type != "play"
                or _ran_on(stop, one.length) is not None
            ):
                continue
            far = moved(stop.moments[0].event.playhead, stop.ended_by.event.playhead, one.length or DAY)
            if abs(far) > STILL:
                words = f"resumed at {stop.ended_by.event.playhead:g} s, {abs(far):g} s {'on' if far > 0 else 'back'}"
                yield Occasion(True, words, stop.shown_by)
    steps = _steps(one)
    for place, step in enumerate(steps):
        jumps = step.far < -STILL or step.far > USUAL_RATE * step.seconds + SEEK_SLACK
        if jumps and not _is_steady(steps, place):
            told = step.now.state in ("paused", "buffering")
            words = f"the playhead jumped by {step.far:g} s" + (
                f", told by {step.now.event.event_type}" if told else " while playing, without a pauseStart"
            )
            yield Occasion(told, words, (step.before.event, step.now.event))


def _goes_to_background(one: Viewing) -> Iterator[Occasion]:
    for before, now in pairwise(one.moments):
        seconds = (now.event.ts - before.event.ts) / 1000
        if (
            before.state == "playing"
            and before.place != "break"
            and seconds > 2 * LONG_PAUSE
            and not one.view.session.downloaded
        ):
            yield Occasion(
                False, f"silent for {seconds:.0f} s while playing, without a pauseStart", (before.event, now.event)
            )
    for stop in _stops(one, "paused"):
        if stop.seconds >= LONG_PAUSE and stop.ended_by is not None and _ran_on(stop, one.length) is None:
            words = f"only a pause was reported for {stop.seconds:.0f} s, then {stop.ended_by.event.event_type}"
            yield Occasion(True, words, stop.shown_by)


# -- ads, chapters, states, errors ------------------------------------------------------------------------------------------


def _clean(kinds: Sequence[str], rules: Sequence[str], words: str) -> Callable[[Viewing], Iterator[Occasion]]:
    """Return a judge of events of these kinds that fails with what was found by these rules."""

    def judge(one: Viewing) -> Iterator[Occasion]:
        events, told = one.found(*rules)
        sent = one.events(*kinds)
        if told:
            yield Occasion(False, told[0], tuple(events) or tuple(sent[-1:]))
        elif sent and (one.is_closed or len(sent) > 1):
            yield Occasion(True, words, tuple(sent))

    return judge


_breaks = _clean(
    ("adBreakStart", "adBreakComplete", "adStart"),
    (
        "ad-outside-break",
        "ad-break-not-closed",
        "ad-break-nested",
        "ad-break-close-without-start",
        "ad-break-without-ads",
    ),
    "each ad stands inside adBreakStart … adBreakComplete",
)
_ads = _clean(
    ("adStart", "adComplete", "adSkip"),
    ("ad-not-closed", "ad-close-without-start", "ad-completed-early"),
    "each ad ends by adComplete or adSkip",
)
_chapters = _clean(
    ("chapterStart", "chapterComplete", "chapterSkip"),
    ("chapter-overlap", "chapter-close-without-start", "chapter-not-closed", "chapter-completed-early"),
    "each chapter ends by chapterComplete or chapterSkip",
)
_states = _clean(
    ("stateStart", "stateEnd", "statesUpdate"), ("state-already-open", "state-not-open", "too-many-states"),
    "each state is started once before it is ended",
)  # fmt: skip


def _ad_details(one: Viewing) -> Iterator[Occasion]:
    for event in one.events("adStart"):
        yield _filled(event, ("media.ad.id", "media.ad.length", "media.ad.podPosition", "media.ad.playerName"))


def _chapter_details(one: Viewing) -> Iterator[Occasion]:
    for event in one.events("chapterStart"):
        yield _filled(event, ("media.chapter.length",))


def _pings_in_ads(one: Viewing) -> Iterator[Occasion]:
    yield from _cadence(one, lambda moment: moment.place == "ad", "in an ad")


def _playhead_in_breaks(one: Viewing) -> Iterator[Occasion]:
    events, told = one.found("playhead-moved-in-ad")
    breaks = one.events("adBreakStart")
    if told:
        yield Occasion(False, told[0], tuple(events))
    elif one.events("adStart", "adComplete") and breaks:
        yield Occasion(True, "the playhead stood still through each break", tuple(breaks))


def _preroll(one: Viewing) -> Iterator[Occasion]:
    """A break at the place where the content begins: the content's play comes after it."""
    first = next((m.event for m in one.moments if m.event.event_type == "adBreakStart"), None)
    if first is None or first.playhead > _begin(one) + STILL:
        return
    early = [m.event for m in one.moments if m.event.event_type == "play" and m.place != "ad" and m.event.ts < first.ts]
    waits, _ = one.found("playback-before-ad")
    if early or waits:
        yield Occasion(
            False, "a play came before the first ad: content starts too early", (*(early or waits)[:1], first)
        )
    else:
        yield Occasion(True, "the content's play came after the pre-roll", (first,))


def _errors(one: Viewing) -> Iterator[Occasion]:
    for event in one.events("error"):
        named, source = event.qoe.get("media.qoe.errorID"), event.qoe.get("media.qoe.errorSource")
        known = source in ("player", "external")
        words = (
            f"error {named!r} by {source}"
            if named and known
            else "an error wants an errorID, and player or external as its source"
        )
        yield Occasion(bool(named) and known, words, (event,))


def _bitrates(one: Viewing) -> Iterator[Occasion]:
    for event in one.events("bitrateChange"):
        rate = number_or_none(event.qoe.get("media.qoe.bitrate"))
        words = f"bitrate {rate:g}" if rate else "bitrateChange says no media.qoe.bitrate"
        yield Occasion(bool(rate), words, (event,))


def _taken_in(one: Viewing) -> Iterator[Occasion]:
    lost = [exchange for exchange in one.view.exchanges if exchange.outcome in (Outcome.BAD, Outcome.IGNORED)]
    if lost:
        kinds = ", ".join(dict.fromkeys(f"{exchange.event_type} {exchange.outcome}" for exchange in lost))
        events = tuple(event for exchange in lost for event in exchange.events[:1])
        yield Occasion(False, f"lost: {kinds}", events)
    elif one.arrived:
        yield Occasion(True, f"all {len(one.arrived)} events were counted", (one.arrived[0], one.arrived[-1]))


# -- the points ---------------------------------------------------------------------------------------------------------------


class Point(NamedTuple):
    """A point of the checklist: what it asks, where that comes from, and who judges an occasion."""

    id: str
    group: str
    title: str
    asks: str
    source: str
    judge: Callable[[Viewing], Iterator[Occasion]]


_PLAYBACK, _INTERRUPTION, _ADS, _CHAPTERS, _STATES_GROUP, _QUALITY = (
    "Standard playback", "Interruption", "Ads", "Chapters", "Player states", "Errors and quality"
)  # fmt: skip

# fmt: off
POINTS: Final = (
    Point("session-start", _PLAYBACK, "A session starts",
          "Each viewing has one sessionStart, and one session.", TEST_1, _starts),
    Point("visitor", _PLAYBACK, "The visitor is named",
          "sessionStart has an Experience Cloud id, or another id of the visitor.", TEST_1, _names_visitor),
    Point("account", _PLAYBACK, "The account is named",
          "Organization, tracking server and report suite have the form of such names.", TEST_1, _names_account),
    Point("content-details", _PLAYBACK, "The content is described",
          "sessionStart has an id, a type, a length in seconds, a player and a channel, and none of them is empty.", CALLS,
          _names_content),
    Point("play", _PLAYBACK, "The content plays", "A play tells that the first frame is shown.", TEST_1, _plays),
    Point("content-pings", _PLAYBACK, "Pings while content plays",
          "While content plays, no more than 15 s go by without an event (75 s in downloaded content).", TEST_1,
          _pings_in_content),
    Point("playhead", _PLAYBACK, "The playhead moves",
          "While content plays, the playhead goes on with time, slower only at a steady speed.", TEST_1, _playhead_moves),
    Point("complete", _PLAYBACK, "The end of the content is told",
          "Content that was watched to its end is completed by sessionComplete, and no other.", CALLS, _completes),
    Point("end", _PLAYBACK, "The session is closed",
          "A viewing ends by sessionComplete or sessionEnd, not by a time-out.", TEST_2, _ends),
    Point("quiet-end", _PLAYBACK, "Nothing comes after the end",
          "After sessionEnd no more events of that session are sent.", TEST_2, _is_quiet_after_the_end),
    Point("replay", _PLAYBACK, "A replay is a session of its own",
          "Content that is played again begins with a new sessionStart.", TEST_1, _replays),
    Point("next-media", _PLAYBACK, "The next media is a session of its own",
          "Before the next media starts, the session before it is closed.", TEST_1, _next_media),
    Point("pause", _INTERRUPTION, "A pause stands still",
          "The playhead stands still from pauseStart on, until a play.", TEST_1, _pauses),
    Point("pause-pings", _INTERRUPTION, "Pings go on in a pause",
          "In a pause of 30 s or more, no more than 15 s go by without a ping.", TEST_1, _pings_in_pauses),
    Point("buffer", _INTERRUPTION, "Buffering stands still",
          "The playhead stands still from bufferStart on, until a play.", CALLS, _buffers),
    Point("seek", _INTERRUPTION, "A seek is a pause",
          "A seek is reported as pauseStart, or bufferStart, and a play with the new playhead.", SEEKING, _seeks),
    Point("background", _INTERRUPTION, "In the background there is a pause",
          "An app that leaves the foreground reports a pause, and a play when it is back; it does not fall silent while playing.",
          TEST_2, _goes_to_background),
    Point("ad-breaks", _ADS, "Ads stand inside breaks",
          "Each ad stands inside adBreakStart … adBreakComplete, and each break has an ad.", ADS, _breaks),
    Point("ads", _ADS, "Ads end",
          "Each adStart is ended by adComplete, once its length has passed, or by adSkip.", TEST_1, _ads),
    Point("ad-details", _ADS, "Ads are described",
          "adStart has an id, a length, a position and a player, and none of them is empty.", CALLS, _ad_details),
    Point("ad-pings", _ADS, "Pings in ads",
          "In an ad, no more than 15 s go by without an event; pings are due every second, or every ten.", TEST_1, _pings_in_ads),
    Point("ad-playhead", _ADS, "The playhead stands still in a break",
          "From adBreakStart to adBreakComplete, the content's playhead does not move.", ADS, _playhead_in_breaks),
    Point("preroll", _ADS, "The content's play comes after the pre-roll",
          "Where a break stands before the content, no play comes before its ads.", ADS, _preroll),
    Point("ad-pause", _ADS, "A pause in an ad stands still",
          "While an ad is paused, the playhead stands still, until a play.", TEST_1, _pauses_in_ad),
    Point("chapters", _CHAPTERS, "Chapters end",
          "Each chapterStart is ended by chapterComplete, at its end, or by chapterSkip before the next one.", CHAPTERS,
          _chapters),
    Point("chapter-details", _CHAPTERS, "Chapters are described", "chapterStart has a length.", CHAPTERS, _chapter_details),
    Point("states", _STATES_GROUP, "States start and end",
          "A player state is started once before it is ended, and there are at most ten.", STATES, _states),
    Point("error", _QUALITY, "Errors are named",
          "Each error has an id, and player or external as its source.", ERRORS, _errors),
    Point("bitrate", _QUALITY, "A change of bitrate says the bitrate",
          "Each bitrateChange has media.qoe.bitrate.", "events/playback/bitrate-change", _bitrates),
    Point("counted", _QUALITY, "Everything counts",
          "No event of a session was refused, or ignored in silence.", "Media Collection API: validating requests", _taken_in),
)
# fmt: on


class Judged(NamedTuple):
    """A point over one session: the occasions that it was exercised at."""

    session_id: str
    occasions: tuple[Occasion, ...]

    @property
    def result(self) -> Result:
        if not self.occasions:
            return Result.NOT_EXERCISED
        return Result.PASSED if all(one.passed for one in self.occasions) else Result.FAILED


class Certified(NamedTuple):
    """A point over all sessions, those that did not exercise it left out."""

    point: Point
    sessions: tuple[Judged, ...]

    @property
    def result(self) -> Result:
        if not self.sessions:
            return Result.NOT_EXERCISED
        return max((one.result for one in self.sessions), key=lambda result: result is Result.FAILED)


def certify(views: Iterable[SessionView]) -> tuple[Certified, ...]:
    """Return every point, in the order of the table, judged over these sessions, which stand oldest first."""
    watched = viewings(views)
    return tuple(_certify(point, watched) for point in POINTS)


def _certify(point: Point, watched: Sequence[Viewing]) -> Certified:
    judged = (Judged(one.id, tuple(point.judge(one))) for one in watched)
    return Certified(point, tuple(one for one in judged if one.occasions))
