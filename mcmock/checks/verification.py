"""Was it so? One check, judged against the log: pass, fail, or inconclusive because the log no longer holds what it takes.

Decides, and words, the answer to `verify`, `wait` and the fixture's assertions alike: one function of a log and a check.
It knows neither locks nor sockets, and it never waits: what is asked again as requests arrive is `mcmock.checks.waiting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from mcmock.analytics.views import SessionView
from mcmock.checks import timeline_text
from mcmock.checks.sequence import Pattern
from mcmock.checks.verdict import JudgedLog, LostSession, finding_lines, found_in, judge, story
from mcmock.core import turns
from mcmock.core.events import EVENT_TYPES
from mcmock.core.match import Difference, Match, phrase, refuse_misspelled
from mcmock.core.model import TAKEN, Exchange, Kind, Severity, Verdict
from mcmock.core.printable import printable
from mcmock.core.wording import did_you_mean, named, shown, whole_number
from mcmock.faults.losses import Losses

NEAREST = 3
"""How many near misses are told."""
LOOKED_AT = 500
"""How many of the latest exchanges are searched for near misses."""
LONGEST = 3600.0
"""The most seconds a check may wait."""


class Result(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # evicted requests could change the answer


class ReadableLog(JudgedLog, Protocol):
    """What a check is judged against; the Emulator is one."""

    def requests(
        self, match: Match | None = None, *, since: int = 0, limit: int | None = None, newest_first: bool = False
    ) -> list[Exchange]: ...

    def session_ids(self) -> list[str]: ...

    def losses(self) -> Losses: ...


class Check(NamedTuple):
    """What is asked: how many exchanges `match`, or in which order the events of each session stand.

    `within` is in seconds of real time: a lower bound and a sequence have so long to come true, an upper bound must hold
    so long. A check that no request at all would satisfy fails where there is no session, unless `allow_no_sessions`.
    `no_findings` asks instead that nothing of that severity or worse was found in what matches, `no_losses` that nothing was
    lost, by itself or by a fault.
    """

    match: Match
    least: int = 1
    most: int | None = None
    within: float | None = None
    pattern: Pattern | None = None
    allow_no_sessions: bool = False
    no_findings: Severity | None = None
    no_losses: bool = False


class Miss(NamedTuple):
    """An exchange that nearly matched, and what was different."""

    exchange: Exchange
    differences: tuple[Difference, ...]


class Verification(NamedTuple):
    """The answer. `expected` is the check in the form that JSON knows, `requests` are those that matched."""

    result: Result
    expected: Mapping[str, Any]
    matched: int
    requests: tuple[Exchange, ...]
    nearest: tuple[Miss, ...]
    message: str

    @property
    def passed(self) -> bool:
        return self.result is Result.PASS


# -- asking ---------------------------------------------------------------------------------------------------------------


def check(
    match: Match | Mapping[str, Any] | None = None,
    *,
    count: int | None = None,
    at_least: int | None = None,
    at_most: int | None = None,
    within: float | None = None,
    sequence: Iterable[str | Mapping[str, Any]] | None = None,
    gaps: bool = False,
    allow_no_sessions: bool = False,
    no_findings: str | None = None,
    no_losses: bool = False,
) -> Check:
    """Return a Check from its parts: at least one request unless told otherwise. Raises ValueError for parts at odds."""
    wanted = match if isinstance(match, Match) else Match(match)
    if no_findings is not None or no_losses:
        if gaps or (count, at_least, at_most, within, sequence) != (None,) * 5:
            raise ValueError(
                "noFindings and noLosses are about what is there now: they exclude counts, sequence and within"
            )
        if no_losses and wanted.wanted:
            raise ValueError("noLosses is about everything in the log: it takes no match")
        return Check(wanted, 0, None, None, None, allow_no_sessions, _severity(no_findings), no_losses)
    least, most = _bounds(count, at_least, at_most)
    if within is not None:
        within = _seconds("within", within)
    if sequence is None:
        if gaps:
            raise ValueError("gaps is for a sequence: name its events, or leave it out")
        if least == 0:
            refuse_misspelled(wanted)
        return Check(wanted, least, most, within, None, allow_no_sessions)
    if (count, at_least, at_most) != (None, None, None):
        raise ValueError(
            "sequence and count exclude each other: a sequence says how often in its items, as in 'ping{2}'"
        )
    return Check(wanted, 0, None, within, Pattern(sequence, gaps=gaps), allow_no_sessions)


_KEYS = {
    "match": "match", "count": "count", "atLeast": "at_least", "atMost": "at_most", "within": "within",
    "sequence": "sequence", "gaps": "gaps", "allowNoSessions": "allow_no_sessions", "noFindings": "no_findings",
    "noLosses": "no_losses",
}  # fmt: skip
_FLAGS = ("gaps", "allowNoSessions", "noLosses")


def check_from_json(body: object) -> Check:
    """Return the check of a control request's body. Raises ValueError naming the key and what is allowed there."""
    asked = _known(body, tuple(_KEYS))
    for flag in _FLAGS:
        if not isinstance(asked.get(flag, False), bool):
            raise ValueError(f"{flag} must be true or false, not {shown(asked[flag])}")
    return check(**{_KEYS[key]: value for key, value in asked.items() if value is not None})


def wait_from_json(body: object) -> Check:
    """Return the check that `{"match", "count", "timeout"}` asks for: so many, or more, in so many seconds."""
    asked = _known(body, ("match", "count", "timeout"))
    return waiting(asked.get("match"), asked.get("count", 1), asked.get("timeout", 5.0))


def waiting(match: Match | Mapping[str, Any] | None, count: int = 1, timeout: float = 5.0) -> Check:
    """At least `count` exchanges that `match`, within `timeout` seconds."""
    if _whole("count", count) == 0:
        raise ValueError("count must be 1 or more: to say that nothing comes, verify count 0 within some seconds")
    return check(match, at_least=count, within=_seconds("timeout", timeout))


def _known(body: object, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError(
            f'the body must be an object such as {{"match": {{"event": "ping"}}}}; its keys are {", ".join(keys)}'
        )
    for key in body:
        if key not in keys:
            raise ValueError(f"{named(key)} is not known{did_you_mean(key, keys)}; use {', '.join(keys)}")
    if body.get("match") is not None and not isinstance(body["match"], dict):
        raise ValueError(f"match must be an object of fields and wanted values, not {shown(body['match'])}")
    return body


def _bounds(count: int | None, at_least: int | None, at_most: int | None) -> tuple[int, int | None]:
    for name, value in (("count", count), ("at_least", at_least), ("at_most", at_most)):
        if value is not None:
            _whole(name, value)
    if count is not None:
        if at_least is not None or at_most is not None:
            raise ValueError("count is exact: it excludes at_least and at_most")
        return count, count
    if at_most is None:
        return (1 if at_least is None else at_least), None
    if at_least is not None and at_least > at_most:
        raise ValueError(f"at_least is {at_least}, which is more than at_most, {at_most}")
    return at_least or 0, at_most


def _whole(name: str, value: object) -> int:
    return whole_number(value, name, "of 0 or more", 0)


def _severity(word: object) -> Severity | None:
    if word is None:
        return None
    if isinstance(word, str) and word in tuple(Severity):
        return Severity(word)
    raise ValueError(f"noFindings must be error, warning or info, not {shown(word)}")


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise ValueError(f"{name} must be 0 to {LONGEST:g} seconds, not {shown(value)}")
    return float(value)


# -- judging --------------------------------------------------------------------------------------------------------------


def verify(log: ReadableLog, asked: Check, found: Sequence[Exchange] | None = None) -> Verification:
    """Judge `asked` by what `log` holds now; `found` are the exchanges that match, where the caller has them."""
    if asked.pattern is not None:
        return _verify_order(log, asked, asked.pattern)
    if asked.no_findings is not None or asked.no_losses:
        return _verify_clean(log, asked)
    matching = tuple(log.requests(asked.match) if found is None else found)
    if asked.least == 0 and not asked.allow_no_sessions and not matching and not _concerned(log, asked.match):
        return _answer(log, asked, Result.FAIL, matching, f"{_wanted(asked)}, but {_NO_SESSION}")
    return _answer(log, asked, _judge_count(log, asked, len(matching)), matching, _counted(log, asked, len(matching)))


def _judge_count(log: ReadableLog, asked: Check, matched: int) -> Result:
    if asked.most is not None and matched > asked.most:
        return Result.FAIL
    enough = matched >= asked.least
    if enough and asked.most is None:
        return Result.PASS
    if _may_have_lost(log, asked.match):
        return Result.INCONCLUSIVE
    return Result.PASS if enough else Result.FAIL


def _may_have_lost(log: ReadableLog, match: Match) -> bool:
    """Return whether an exchange that matches could be among the evicted: not if its session's first one is still there."""
    if log.evicted == 0:
        return False
    session_id = match.exact("session")
    return session_id is None or not _is_whole(log.requests(Match({"session": session_id}), limit=1))


def _is_whole(exchanges: Sequence[Exchange]) -> bool:
    """Return whether they begin with the session's own beginning. The oldest entries go first, so the rest is there, too."""
    return bool(exchanges) and exchanges[0].verdict is Verdict.CREATED


def _concerned(log: ReadableLog, match: Match) -> list[str]:
    return [session_id for session_id in log.session_ids() if match.allows_session(session_id)]


def _answer(
    log: ReadableLog, asked: Check, result: Result, matching: tuple[Exchange, ...], sentence: str
) -> Verification:
    if result is Result.PASS:
        return Verification(result, expected(asked), len(matching), matching, (), sentence)
    nearest = tuple(near_misses(log, asked.match)) if len(matching) < max(asked.least, 1) else ()
    marks = {one.seq: ">" for one in turns.paused(matching)} | {miss.exchange.seq: "~" for miss in nearest}
    parts = [timeline_text.sentence(sentence), _story(log, asked.match, matching, nearest, marks), _told(nearest)]
    return Verification(result, expected(asked), len(matching), matching, nearest, "\n\n".join(filter(None, parts)))


# -- order ----------------------------------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    """One session against the pattern; `sentence` is empty where it holds."""

    view: SessionView
    events: tuple[Exchange, ...]
    result: Result
    sentence: str
    marks: Mapping[int, str]


def _verify_clean(log: ReadableLog, asked: Check) -> Verification:
    """Return whether nothing was found, and nothing lost. Where there is no session there is nothing it could be true of."""
    if not asked.allow_no_sessions and not log.session_ids():
        return Verification(
            Result.FAIL, expected(asked), 0, (), (), f"expected {_clean_words(asked)}, but {_NO_SESSION}"
        )
    requests, sessions, texts = _unclean(log, asked)
    if texts:
        told = story(log, requests, [one.session_id for one in sessions])
        message = f"expected {_clean_words(asked)}, but\n" + "\n".join(texts) + f"\n\n{told}"
        return Verification(Result.FAIL, expected(asked), len(requests), tuple(requests), (), message)
    if log.evicted:
        evicted = f"{timeline_text.plural(log.evicted, 'older request')} had left the log"
        return Verification(
            Result.INCONCLUSIVE, expected(asked), 0, (), (), f"expected {_clean_words(asked)}, but {evicted}"
        )
    return Verification(Result.PASS, expected(asked), 0, (), (), f"expected {_clean_words(asked)}, and so it was")


def _clean_words(asked: Check) -> str:
    parts = []
    if asked.no_findings is not None:
        worse = "" if asked.no_findings is Severity.ERROR else " or worse"
        about = f" with {asked.match}" if asked.match.wanted else ""
        parts.append(f"no finding of {asked.no_findings}{worse}{about}")
    if asked.no_losses:
        parts.append("no losses")
    return printable(" and ".join(parts))


def _unclean(log: ReadableLog, asked: Check) -> tuple[list[Exchange], list[LostSession], list[str]]:
    """Return the requests and sessions that are not as they should be, and the paragraphs that say so."""
    requests: list[Exchange] = []
    sessions: list[LostSession] = []
    texts: list[str] = []
    if asked.no_findings is not None:
        requests, sessions = found_in(log, asked.match, asked.no_findings)
        texts += finding_lines(requests, sessions, asked.no_findings)
    if asked.no_losses:
        lost, ledger = judge(log), log.losses()
        requests, sessions = [*requests, *lost.requests], [*sessions, *lost.sessions]
        texts += [] if lost.passed else [lost.message]
        texts += [str(ledger)] if ledger.lost or ledger.orphaned or ledger.duplicated else []
    return list({one.seq: one for one in turns.paused(requests)}.values()), sessions, texts


def _verify_order(log: ReadableLog, asked: Check, pattern: Pattern) -> Verification:
    views = [view for session_id in _concerned(log, asked.match) if (view := log.session(session_id)) is not None]
    judged = [_judge_order(log, asked, pattern, view) for view in views]
    turns.let_go_in_turns([*views, *judged], first=True)
    sentence = printable(f"expected {'the session' if len(judged) == 1 else 'every session'} to send {pattern}")
    if not judged:
        result = Result.PASS if asked.allow_no_sessions else Result.FAIL
        return Verification(result, expected(asked), 0, (), (), f"{sentence}, but {_NO_SESSION}")
    holding = [one for one in judged if one.result is Result.PASS]
    events = tuple(turns.paused(event for one in holding for event in one.events))
    failing = [one for one in judged if one.result is not Result.PASS]
    result = Result.FAIL if any(one.result is Result.FAIL for one in failing) else Result.INCONCLUSIVE
    if not failing:
        return Verification(Result.PASS, expected(asked), len(holding), events, (), f"{sentence}, as expected")
    reasons = "\n".join(timeline_text.wrapped(one.sentence, "  ") for one in failing[: timeline_text.SESSIONS])
    marks = {seq: mark for one in failing for seq, mark in one.marks.items()}
    shown = [one.view for one in failing[: timeline_text.SESSIONS]]
    message = f"{timeline_text.sentence(sentence + ', but')}\n{reasons}\n\n{timeline_text.story(shown, marks=marks)}"
    return Verification(result, expected(asked), len(holding), events, (), message)


def _judge_order(log: ReadableLog, asked: Check, pattern: Pattern, view: SessionView) -> _Judged:
    events = tuple(turns.paused(_events_in_order(view, asked.match)))
    if log.evicted and not _is_whole(view.exchanges):
        sentence = f"session {timeline_text.short(view.id)} lost its first requests: the log was full"
        return _Judged(view, events, Result.INCONCLUSIVE, sentence, {})
    departure = pattern.departure(events)
    if departure is None:
        return _Judged(view, events, Result.PASS, "", {})
    marks = {one.seq: ">" for one in turns.paused(events[: departure.place])}
    wanted = " or ".join(departure.wanted)
    if departure.place < len(events):
        event = events[departure.place]
        there = f"#{event.seq} is {event.event_type}"
        marks[event.seq] = "x"
    else:
        there = f"it stops after #{events[-1].seq} {events[-1].event_type}" if events else "it has no such events"
    return _Judged(
        view, events, Result.FAIL, f"session {timeline_text.short(view.id)}: {there}, where {wanted} was due", marks
    )


_ON_ARRIVAL = ("outcome", "verdict", "status")


def _events_in_order(view: SessionView, match: Match) -> Iterator[Exchange]:
    """Yield the session's events that `match`, in processing order; the accepted ones, unless the match asks for others."""
    any_verdict = any(field in match.wanted for field in _ON_ARRIVAL)
    for one in events_of(view):
        if (any_verdict or one.verdict in TAKEN) and match.holds(one):
            yield one


def events_of(view: SessionView) -> Iterator[Exchange]:
    """Yield every event that named the session, in processing order; what was rejected keeps its place of arrival."""
    known = {one.seq: one for one in turns.paused(view.exchanges)}
    order = dict.fromkeys(view.judgement.order)
    counted = (known[seq] for seq in order if seq in known)
    for one in view.exchanges:
        current = next(counted) if one.seq in order else one
        if current.event_type is not None:
            yield from _single_events(current)


def _single_events(one: Exchange) -> list[Exchange]:
    """Return the exchange, or, of content delivered whole, one for each event of its array."""
    if one.kind is not Kind.DOWNLOADED:
        return [one]
    return [replace(one, event_type=event.event_type, part=place) for place, event in enumerate(one.events)] or [one]


# -- wording --------------------------------------------------------------------------------------------------------------

_NO_SESSION = "no session was opened, so there is nothing to check; pass allow_no_sessions if that is what you expect"


def expected(asked: Check) -> dict[str, Any]:
    """Return the check in the keys of the control API."""
    shape: dict[str, Any] = {"match": asked.match.wanted}
    if asked.no_findings is not None or asked.no_losses:
        clean = {"noFindings": asked.no_findings, "noLosses": asked.no_losses or None}
        return shape | {key: value for key, value in clean.items() if value is not None}
    if asked.pattern is not None:
        shape |= {"sequence": asked.pattern.items, "gaps": asked.pattern.gaps}
    elif asked.least == asked.most:
        shape["count"] = asked.least
    else:
        shape |= {key: value for key, value in (("atLeast", asked.least), ("atMost", asked.most)) if value is not None}
    return shape if asked.within is None else {**shape, "within": asked.within}


def _wanted(asked: Check) -> str:
    within = f" within {asked.within:g} s" if asked.within else ""
    wanted = f" with {asked.match}" if asked.match.wanted else ""
    return printable(f"expected {_amount(asked.least, asked.most)}{wanted}{within}")


def _amount(least: int, most: int | None) -> str:
    if most == 0:
        return "no request"
    if most is None:
        return f"at least {timeline_text.plural(least, 'request')}"
    if least == most:
        return f"exactly {timeline_text.plural(least, 'request')}"
    return f"at most {timeline_text.plural(most, 'request')}" if least == 0 else f"{least} to {most} requests"


def _counted(log: ReadableLog, asked: Check, matched: int) -> str:
    result = _judge_count(log, asked, matched)
    came = "none" if matched == 0 else f"only {matched}" if matched < asked.least else str(matched)
    if result is Result.PASS:
        return f"{_wanted(asked)}, and {came} came"
    if result is Result.FAIL:
        return f"{_wanted(asked)}, but {came} came"
    evicted = f"{timeline_text.plural(log.evicted, 'older request')} {'was' if log.evicted == 1 else 'were'} evicted"
    return f"{_wanted(asked)}: {came} in the log, but {evicted}; a larger max_log_bytes would tell"


def _story(
    log: ReadableLog, match: Match, matching: Sequence[Exchange], nearest: Sequence[Miss], marks: Mapping[int, str]
) -> str:
    """Return the timelines of the sessions that what matched, or nearly did, came from; or else of all that could have."""
    about = [*matching, *(miss.exchange for miss in nearest)]
    ids = list(
        dict.fromkeys(one.session_id for one in turns.paused(about) if one.session_id is not None)
    ) or _concerned(log, match)
    known = set(log.session_ids())
    ids = [session_id for session_id in ids if session_id in known]
    views = [view for session_id in ids[-timeline_text.SESSIONS :] if (view := log.session(session_id)) is not None]
    if about:
        strays = [one for one in turns.paused(about) if one.session_id not in known]
    else:
        strays = [] if "session" in match.wanted else timeline_text.strays(log)
    return timeline_text.story(views, sorted(strays, key=lambda one: one.seq), marks, earlier=len(ids) - len(views))


def _told(nearest: Sequence[Miss]) -> str:
    """Return the near misses, a line for each field that differed."""
    lines = []
    for miss in nearest:
        head = f"  #{miss.exchange.seq} {timeline_text.clip(timeline_text.name(miss.exchange), 20)}: "
        for number, at in enumerate(miss.differences):
            start = head if number == 0 else " " * len(head)
            line = f"{start}{at.field} is {timeline_text.sent(at.got)}, not {phrase(at.wanted)}"
            lines.append(timeline_text.clip(line, timeline_text.WIDTH))
    return "\n".join(["nearest misses, marked ~:", *lines]) if lines else ""


# -- near misses ----------------------------------------------------------------------------------------------------------

_WEIGHTS = {"event": 3.0, "session": 2.0, "kind": 2.0}
_ALIKE = 0.75
"""From this ratio on two event types count as spelled alike."""
_MAX_TYPE = 64
"""Characters: what is longer is like no event type. Comparing takes the square of it, and a client may send any."""
# Events that are easily taken for each other.
_CONFUSABLE = (
    {"sessionComplete", "sessionEnd"},
    {"adComplete", "adSkip", "adBreakComplete"},
    {"adStart", "adBreakStart"},
    {"chapterComplete", "chapterSkip"},
    {"pauseStart", "bufferStart"},
    {"stateStart", "statesUpdate"},
    {"stateEnd", "statesUpdate"},
)


def near_misses(log: ReadableLog, match: Match) -> list[Miss]:
    """Return the exchanges that differ least from `match`, nearest first, and of equal ones the latest."""
    misses = []
    for one in sorted(_candidates(log, match), key=lambda one: -one.seq):
        differences = tuple(match.differences(one))
        if differences and _is_near(match, differences):
            misses.append((_distance(differences), Miss(one, differences)))
    return [miss for _, miss in sorted(misses, key=lambda pair: pair[0])[:NEAREST]]


def _candidates(log: ReadableLog, match: Match) -> list[Exchange]:
    """Return the latest exchanges that could be near: judging what cannot be would take long in a large log."""
    wanted: dict[str, Any] = {}
    session_id, event = match.exact("session"), match.exact("event")
    if session_id is not None and log.session(session_id):
        wanted["session"] = session_id
    if not isinstance(event, str):
        return log.requests(Match(wanted), limit=LOOKED_AT, newest_first=True)
    taken = [known for known in EVENT_TYPES if _alike(Difference("event", event, known)) >= _ALIKE]
    accepted = log.requests(Match({**wanted, "event": [event, *taken]}), limit=LOOKED_AT, newest_first=True)
    rejected = log.requests(Match({**wanted, "verdict": "malformed"}), limit=LOOKED_AT, newest_first=True)
    return list({one.seq: one for one in (*accepted, *rejected)}.values())


def _is_near(match: Match, differences: Sequence[Difference]) -> bool:
    """Something about it was right, and its event type could be taken for the wanted one."""
    event = next((at for at in differences if at.field == "event"), None)
    return len(differences) < match.size if event is None else _alike(event) >= _ALIKE


def _distance(differences: Sequence[Difference]) -> float:
    return sum(_WEIGHTS.get(at.field, 1.0) + (at.got is None) / 2 - _alike(at) for at in differences)


def _alike(at: Difference) -> float:
    """Return how easily one event type is taken for the other: from 0 to 1."""
    if at.field != "event" or not isinstance(at.wanted, str) or not isinstance(at.got, str):
        return 0.0
    if any({at.wanted, at.got} <= kin for kin in _CONFUSABLE):
        return _ALIKE
    if max(len(at.wanted), len(at.got)) > _MAX_TYPE:
        return 0.0
    return SequenceMatcher(None, at.wanted, at.got).ratio()
