"""Was anything lost? The one place that decides it, for the fixture, `exec`, `check`, the control API and the inspector.

Lost is a request that was rejected, that met no path although it was meant for the API, that was answered 204 and is
ignored all the same, or that a browser will never send; and a session whose Location nobody read. A finding says each of
them (`core.findings.loses`), but what was rejected for its session. It knows neither locks nor sockets, and not who asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from mcmock.analytics.views import SessionOutline, SessionView
from mcmock.checks import timeline_text
from mcmock.core import turns
from mcmock.core.findings import RULES, FailOn, loses
from mcmock.core.match import Match
from mcmock.core.model import Exchange, Finding, Outcome, Severity, Verdict
from mcmock.core.wording import named, nearest

NOTHING_SENT: Final = "nothing-sent"
"""What `allow` calls a run in which no request came."""

OTHER_REASONS: Final = ("gone", "unknown", NOTHING_SENT)
"""What `allow` takes beside the rules of findings: why a request was rejected that nothing is wrong with."""

LISTED: Final = 10
"""Requests and sessions that a message names; the rest is counted."""


_LEVELS: Final = tuple(FailOn)


def fails_at(level: FailOn, fail_on: FailOn) -> bool:
    """Return whether what is of `level` fails a verdict that fails on `fail_on`."""
    return level is not FailOn.NEVER and _LEVELS.index(level) <= _LEVELS.index(fail_on)


def fail_on_of(word: object) -> FailOn:
    """Return the level of that name. Raises ValueError that names those there are."""
    if isinstance(word, str) and word in _LEVELS:
        return FailOn(word)
    raise ValueError(f"fail_on must be {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}, not {named(word)}")


def allowed_of(words: object) -> frozenset[str]:
    """Return the rules that are allowed. Raises ValueError for one there is not."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise ValueError(f"allow must be a list of rules, not {named(words)}")
    rules = tuple(words)
    known = (*RULES, *OTHER_REASONS)
    for rule in rules:
        if not isinstance(rule, str) or rule not in known:
            close = nearest(rule, known) if isinstance(rule, str) else None
            hint = f" (did you mean {close}?)" if close else "; docs/findings.md lists them"
            raise ValueError(f"allow: there is no rule {named(rule)}{hint}")
    return frozenset(rules)


def level_of(found: Finding) -> FailOn:
    """Return the level of a finding on what was taken in."""
    if loses(found):
        return FailOn.LOST
    return FailOn.WARNING if found.severity is not Severity.INFO else FailOn.NEVER


def reasons(one: Exchange, fail_on: FailOn) -> Iterator[str]:
    """Yield why a request fails a verdict: the rules of its findings, or what became of it."""
    rejected = one.outcome is Outcome.BAD or one.verdict is Verdict.BROKEN
    told = False
    for found in one.findings:
        level = FailOn.REJECTED if rejected and found.severity is Severity.ERROR else level_of(found)
        if fails_at(level, fail_on):
            told = told or level is FailOn.REJECTED
            yield found.rule
    if rejected and not told and fails_at(FailOn.REJECTED, fail_on):
        yield str(one.verdict)


class LostSession(NamedTuple):
    """What was found in a session as a whole."""

    session_id: str
    finding: Finding


class Lost(NamedTuple):
    """The verdict: what fails it, oldest first, and how many of them were lost how. `message` is for a terminal."""

    fail_on: FailOn
    requests: tuple[Exchange, ...]
    sessions: tuple[LostSession, ...]
    counts: Mapping[str, int]
    message: str

    @property
    def passed(self) -> bool:
        return not self.requests and not self.sessions

    @property
    def lost(self) -> int:
        """How many requests and viewings were lost; what has a warning only is not."""
        return sum(self.counts.values()) - self.counts[_WARNINGS]

    @property
    def rules(self) -> tuple[str, ...]:
        """What it fails for, in the words of `allow`."""
        of_requests = [reason for one in turns.paused(self.requests) for reason in reasons(one, self.fail_on)]
        return tuple(dict.fromkeys([*of_requests, *(one.finding.rule for one in turns.paused(self.sessions))]))

    def story(self, log: JudgedLog) -> str:
        """Return the timelines of what fails it."""
        return story(log, self.requests, [one.session_id for one in self.sessions])


class JudgedLog(Protocol):
    """What a verdict is about; the Emulator is one."""

    @property
    def evicted(self) -> int: ...

    @property
    def last_seq(self) -> int: ...

    def requests(self, match: Match | None = None, /) -> list[Exchange]: ...

    def with_finding(self, session_id: str, wanted: Callable[[Finding], bool], /) -> list[Exchange]: ...

    def outlines(self) -> list[SessionOutline]: ...

    def arranged(self) -> frozenset[int]: ...

    def session_ids(self) -> list[str]: ...

    def session(self, session_id: str, /) -> SessionView | None: ...


def judge(
    log: JudgedLog, fail_on: FailOn = FailOn.LOST, allow: Collection[str] = (), expected: Collection[int] = ()
) -> Lost:
    """Return the verdict on all that is in `log`: what fails it at the level `fail_on`, beside the rules of `allow`.

    `expected` are the seqs of requests that were asked for. What a fault met, and what was arranged, is expected, too.
    """
    outlines = log.outlines()
    fine = {*expected, *log.arranged()}
    requests = tuple(
        one for one in turns.paused(_suspects(log, outlines, fail_on))
        if one.fault is None and one.seq not in fine and set(reasons(one, fail_on)).difference(allow)
    )  # fmt: skip
    sessions = tuple(
        LostSession(outline.session.id, found)
        for outline in turns.paused(outlines)
        for found in outline.judgement.session_findings
        if fails_at(level_of(found), fail_on) and found.rule not in allow
    )
    turns.let_go_in_turns([*requests])
    counts = _counts(requests, sessions)
    return Lost(
        fail_on, requests, sessions, counts, _message(requests, sessions, counts, fail_on) or _remark(log, outlines)
    )


def _suspects(log: JudgedLog, outlines: Iterable[SessionOutline], fail_on: FailOn) -> list[Exchange]:
    """Return the requests that could fail it, oldest first. Each query rules out what it can by the columns of the log alone."""
    if fail_on is FailOn.NEVER:
        return []
    broken = log.requests(Match({"verdict": "broken"}))
    if fail_on is FailOn.REJECTED:
        return [*log.requests(Match({"outcome": "bad"})), *broken]
    bad = [Severity.ERROR] if fail_on is FailOn.LOST else [Severity.ERROR, Severity.WARNING]
    found = [
        *broken,
        *log.requests(Match({"outcome": ["bad", "ignored"]})),
        *log.requests(Match({"verdict": "no_route"})),
        *log.requests(Match({"kind": "preflight"})),
    ]
    for outline in outlines:
        if any(outline.severities[severity] for severity in bad):
            found += log.with_finding(outline.session.id, lambda one: fails_at(level_of(one), fail_on))
    known = {one.seq: one for one in turns.paused(found)}
    return [known[seq] for seq in turns.paused(sorted(known))]


# -- wording ----------------------------------------------------------------------------------------------------------------

_WARNINGS: Final = "warnings"
_HOW: Final = ("rejected", "misdirected", "ignored", "neverSent", "unread", "errors", _WARNINGS)
"""How something was lost, in the keys of the control API."""

_WORDS: Final = {"neverSent": "never sent", "errors": "with an error", _WARNINGS: "with a warning"}


def _how(one: Exchange) -> str:
    """Return how a request was lost; one that was not, but fails the verdict, has a warning."""
    if one.outcome is Outcome.BAD:
        return "rejected"
    if one.verdict is Verdict.BROKEN:
        return "errors"
    rules = {found.rule for found in one.findings if loses(found)}
    if "misdirected" in rules or "preflight-refused" in rules:
        return "misdirected" if "misdirected" in rules else "neverSent"
    if rules:
        return "ignored" if one.outcome is Outcome.IGNORED else "errors"
    return _WARNINGS


def _how_viewing(one: LostSession) -> str:
    if one.finding.rule == "location-unread":
        return "unread"
    return "errors" if loses(one.finding) else _WARNINGS


def _counts(requests: Iterable[Exchange], sessions: Iterable[LostSession]) -> dict[str, int]:
    counted = Counter([*map(_how, turns.paused(requests)), *map(_how_viewing, turns.paused(sessions))])
    return {how: counted[how] for how in _HOW}


def _message(
    requests: Sequence[Exchange], sessions: Sequence[LostSession], counts: Mapping[str, int], fail_on: FailOn
) -> str:
    """Return what fails it, a paragraph; nothing where nothing does."""
    if not requests and not sessions:
        return ""
    details = ", ".join(f"{number} {_WORDS.get(how, how)}" for how, number in counts.items() if number)
    lines = [f"{_amount(requests, sessions, counts)}: {details}"]
    lines += [_told(f"#{one.seq} {_name(one)}: {one.status} {_why(one, fail_on)}") for one in requests[:LISTED]]
    lines += [
        _told(f"session {timeline_text.short(one.session_id)}: {one.finding.rule}: {one.finding.message}")
        for one in sessions[: max(0, LISTED - len(requests)) or 1]
    ]
    more = len(requests) + len(sessions) - (len(lines) - 1)
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def _name(one: Exchange) -> str:
    return timeline_text.clip(_SESSION_ID.sub(r"\1", timeline_text.name(one)), 44)


def _told(text: str) -> str:
    return timeline_text.wrapped(_SESSION_ID.sub(r"\1", text), "  ")


_SESSION_ID: Final = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")


def _amount(requests: Sequence[Exchange], sessions: Sequence[LostSession], counts: Mapping[str, int]) -> str:
    of_requests = "a request" if len(requests) == 1 else f"{len(requests)} requests"
    of_sessions = "a session" if len(sessions) == 1 else f"{len(sessions)} sessions"
    who = " and ".join(text for text, them in ((of_requests, requests), (of_sessions, sessions)) if them)
    is_one = len(requests) + len(sessions) == 1
    lost = "lost" if sum(counts.values()) > counts[_WARNINGS] else "to be looked at"
    return f"{who} {'is' if is_one else 'are'} {lost}"


def _why(one: Exchange, fail_on: FailOn) -> str:
    """Return the finding that fails it; the message of a 404 or 410 that has none."""
    rules = set(reasons(one, fail_on))
    found = next((found for found in one.findings if found.rule in rules), None)
    return f"{found.rule}: {found.message}" if found is not None else timeline_text.said(one)


def _remark(log: JudgedLog, outlines: Sequence[SessionOutline]) -> str:
    """Return what is said although nothing is lost: that there was nothing to lose."""
    evicted = f"; {timeline_text.plural(log.evicted, 'older request')} had left the log" if log.evicted else ""
    if not log.last_seq:
        return "nothing is lost, but no request has come"
    if not outlines:
        return f"nothing is lost, but no session was opened{evicted}"
    empty = sum(sum(outline.counts.values()) == 1 and not outline.session.downloaded for outline in outlines)
    if empty:
        sessions = timeline_text.plural(empty, "session")
        return f"nothing is lost, but {sessions} of {len(outlines)} had nothing but a start{evicted}"
    return f"nothing is lost{evicted}"


def story(log: JudgedLog, requests: Sequence[Exchange], sessions: Iterable[str] = ()) -> str:
    """Return the timelines of the sessions that those are of, the requests marked, and the requests of no session."""
    opened = {*log.session_ids()}
    ids = [one for one in dict.fromkeys([*(one.session_id for one in requests), *sessions]) if one in opened]
    views = [view for one in ids[: timeline_text.SESSIONS] if (view := log.session(str(one))) is not None]
    strays = [one for one in turns.paused(requests) if one.session_id not in opened]
    told = timeline_text.story(views, strays, {one.seq: "x" for one in requests})
    more = len(ids) - len(views)
    return f"{told}\n\n({timeline_text.plural(more, 'more session')} not shown)" if more else told


# -- findings of a severity -------------------------------------------------------------------------------------------------

_RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def found_in(log: JudgedLog, match: Match, least: Severity) -> tuple[list[Exchange], list[LostSession]]:
    """Return the requests that match with a finding of that severity or worse, and what was found in their sessions."""
    matching = log.requests(match)
    requests = [
        one for one in turns.paused(matching) if any(_RANK[found.severity] >= _RANK[least] for found in one.findings)
    ]
    concerned = {one.session_id for one in turns.paused(matching)}
    sessions = [
        LostSession(outline.session.id, found)
        for outline in log.outlines()
        if outline.session.id in concerned
        for found in outline.judgement.session_findings
        if _RANK[found.severity] >= _RANK[least]
    ]
    return requests, sessions


def finding_lines(requests: Sequence[Exchange], sessions: Sequence[LostSession], least: Severity) -> list[str]:
    """Return a line for each of those findings, LISTED of them at most."""
    lines = [
        _told(f"#{one.seq} {_name(one)}: {found.severity} {found.rule}: {found.message}")
        for one in requests[:LISTED]
        for found in one.findings
        if _RANK[found.severity] >= _RANK[least]
    ]
    lines += [
        _told(
            f"session {timeline_text.short(one.session_id)}: {one.finding.severity} {one.finding.rule}: {one.finding.message}"
        )
        for one in sessions[:LISTED]
    ]
    more = len(lines) - LISTED
    return lines if more <= 0 else [*lines[:LISTED], f"  and {more} more"]
