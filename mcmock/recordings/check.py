"""Recorded traffic, judged without a server: which requests would have been counted, and what is wrong with the rest.

A recording is played into an Emulator whose clock shows the recorded time and which gives out the recorded session ids, so
that everything said here is what a server would have said. It opens no file (`mcmock.recordings.files` does), and prints nothing.

Rules of this file:

1. What the recorded service did not take (an answer of 300 or more) is not counted here either. Where no answer was
   recorded, the request is taken to have arrived.
2. A session whose sessionStart is not in the recording is judged from its first event on.
3. A recorded answer that mcmock would not have given is worth a line, no more: the recorded service may know better.
4. What a timeline expects is no problem; that something it expects is missing is an error. It knows of no tracking plan.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, Generic, NamedTuple, TypeVar, overload

from mcmock.analytics.plan import RULES as PLAN_RULES
from mcmock.analytics.plan import Covered, Plan
from mcmock.analytics.views import SessionView
from mcmock.checks import timeline_text
from mcmock.checks.verdict import fail_on_of, fails_at, level_of
from mcmock.core import findings, http, sessions
from mcmock.core.clock import Clock
from mcmock.core.findings import FailOn
from mcmock.core.model import (
    COUNTED_KINDS,
    Exchange,
    Finding,
    Kind,
    Mode,
    Outcome,
    Request,
    Response,
    Severity,
    Verdict,
)
from mcmock.core.sessions import Phase
from mcmock.engine import Emulator, session_ids
from mcmock.engine.policy import switches_of
from mcmock.engine.state import Transaction
from mcmock.faults import builders as faults
from mcmock.protocols.base import SID
from mcmock.protocols.neighbours import api_of_target
from mcmock.protocols.registry import protocol_named
from mcmock.recordings import formats, replay_plan, timeline
from mcmock.recordings.har import LEFT_OUT
from mcmock.recordings.records import STARTS, Located, Pool, Recorded
from mcmock.recordings.sessions import assign

TIMELINE_STARTS_MS: Final = 1_700_000_000_000
"""When the player of a timeline starts; any moment would do."""

MAX_REPORTS: Final = 24 * 2**20
"""Bytes, about, of what the reports of a recording's sessions are made from that are held at once."""

Told = Callable[[int], None]
"""Called with how many steps were done since the last call; there are two for each record."""

_NOT_REFUSED: Final = (Verdict.CREATED, Verdict.ACCEPTED, Verdict.FAULTED)

# What is said beside the findings: its name, and how bad it is. docs/check.md explains each.
REMARKS: Final = {
    "gone": Severity.ERROR,
    "unknown": Severity.ERROR,
    "no_route": Severity.WARNING,
    "not-as-expected": Severity.ERROR,
    "nothing-to-check": Severity.ERROR,
    "answer-differs": Severity.INFO,
    "body-not-recorded": Severity.INFO,
    "only-started": Severity.INFO,
    "session-guessed": Severity.INFO,
    "start-not-recorded": Severity.INFO,
}

_LEVELS: Final = {Severity.ERROR: FailOn.REJECTED, Severity.WARNING: FailOn.WARNING, Severity.INFO: FailOn.NEVER}
"""From what on a remark of that severity fails a check."""


class Problem(NamedTuple):
    """Something to know about a recording. `rule` is a finding's or a key of REMARKS.

    `place` says where it stands in the file, "" where it is about a session or the file as a whole. `level` is from what on
    it fails the check, `never` if at none.
    """

    severity: Severity
    rule: str
    message: str
    place: str = ""
    event_type: str | None = None
    session_id: str | None = None
    level: FailOn = FailOn.NEVER


class Checked(NamedTuple):
    """A recorded request and what mcmock makes of it: `exchange.status` is what it would have answered.

    `answered` is what was answered when it was recorded, None where nobody wrote it down.
    """

    place: str
    exchange: Exchange
    answered: int | None


class Checkup(NamedTuple):
    """What became of a file. `others` counts the requests in it that are none to this API; `covered` are the plan's items.

    `requests` and `sessions` are made anew each time somebody looks at them: a long recording has more than fit into memory.
    """

    name: str
    kind: str
    requests: Sequence[Checked]
    sessions: Sessions
    problems: tuple[Problem, ...]
    others: int
    covered: tuple[Covered, ...] = ()

    @property
    def session_ids(self) -> Sequence[str]:
        return self.sessions.ids

    def count(self, severity: Severity | str) -> int:
        return sum(problem.severity == severity for problem in self.problems)

    def fails(self, fail_on: FailOn | str = FailOn.LOST, allow: Collection[str] = ()) -> bool:
        """Return whether there is a problem of that level that no rule of `allow` names. Raises ValueError for no level."""
        level = fail_on_of(fail_on)
        return any(fails_at(problem.level, level) and problem.rule not in allow for problem in self.problems)


def checkup(
    recording: formats.Recording,
    name: str,
    mode: Mode = Mode.DEFAULT,
    told: Told = lambda _: None,
    plan: Plan | None = None,
) -> Checkup:
    """Judge a recording in `mode`, and by a tracking `plan` if there is one.

    Raises ValueError with one line that says where it cannot be read.
    """
    if recording.document is not None:
        return _timeline(recording, name, mode, plan)
    played = _RecordingPlayer(mode, plan=plan)
    chosen, others = _ours(recording.records)
    assigned = assign(chosen)
    nothing = None if any(one.is_counted for one in chosen) else _nothing(chosen, others)
    waiting = deque(chosen)
    chosen.clear()
    for place in range(len(waiting)):
        played.take(waiting.popleft(), assigned.sessions.get(place))  # from now on it is in the log alone
        told(1)
    told(len(others))
    for guess in assigned.guesses:
        played.remarks.append(_remark("session-guessed", guess.words)._replace(session_id=guess.session_id))
    done = _conclude(played, name, recording.kind, len(others), told)
    if any(one.exchange.kind in COUNTED_KINDS for one in done.requests):
        return done
    return done._replace(problems=(*done.problems, nothing or _nothing_with_body()))


def _conclude(played: _RecordingPlayer, name: str, kind: str, others: int, told: Told = lambda _: None) -> Checkup:
    requests = _Requests(played.emulator, played.taken)
    sessions = Sessions(played.emulator)
    unjudged = any(remark.rule == "body-not-recorded" for remark in played.remarks)
    of_sessions: list[Problem] = []
    for view in sessions:
        requests.note(view)
        of_sessions.extend(_of_session(view, unjudged))
        told(len(view.exchanges))
    of_requests = (problem for one in requests.remarkable() for problem in _of_request(one))
    problems = (*of_requests, *of_sessions, *played.remarks)
    return Checkup(name, kind, requests, sessions, problems, others, played.emulator.plan_coverage())


def _remark(rule: str, message: str, place: str = "", one: Exchange | None = None) -> Problem:
    severity = REMARKS[rule]
    event_type, session_id = (one.event_type, one.session_id) if one is not None else (None, None)
    return Problem(severity, rule, message, place, event_type, session_id, _LEVELS[severity])


# -- which requests -------------------------------------------------------------------------------------------------------


class _Other(NamedTuple):
    """A request that is not judged, and the API that it is to where that is known by name."""

    at: float
    api: str | None


def _ours(records: Iterable[Recorded]) -> tuple[list[Located], list[_Other]]:
    """Return the requests to this API, and the others, in order of time. Other services have such paths, too: a host is ours if
    it was sent an event.
    """
    pool, hosts = Pool(), set[str]()
    maybe: list[Located] = []
    others: list[_Other] = []
    for record in records:
        one, host = Located(record), record.request.host
        if not one.is_meant and not one.is_astray:
            others.append(_other(one))
            continue
        if host not in hosts and one.has_event:
            hosts.add(host)
        one.pack(pool)
        maybe.append(one)
    ours = [one for one in maybe if (one.record.request.host in hosts if hosts else one.is_meant)]
    if len(ours) < len(maybe):
        others += map(_other, set(maybe).difference(ours))
    return sorted(ours, key=lambda one: one.record.at), sorted(others, key=lambda one: one.at)


def _other(one: Located) -> _Other:
    request = one.record.request
    return _Other(one.record.at, api_of_target(request.host + request.target))


def _nothing(chosen: Sequence[Located], others: Sequence[_Other]) -> Problem:
    """Return what is said of a recording of something else."""
    known = (api_of_target(one.record.request.host + one.record.request.target) for one in chosen)
    apis = Counter(api for api in (*known, *(one.api for one in others)) if api is not None)
    told = "".join(f"; {number} to {api}, which mcmock does not emulate" for api, number in apis.most_common())
    message = f"none of {timeline_text.plural(len(chosen) + len(others), 'request')} is to this API{told}"
    return _remark("nothing-to-check", message)


def _nothing_with_body() -> Problem:
    """Return what is said of a recording in which nothing can be judged."""
    return _remark("nothing-to-check", "the recording has no request to this API with its body")


# -- playing it -----------------------------------------------------------------------------------------------------------


class Playback:
    """An Emulator in recorded time, which gives out recorded ids and can be told of sessions that began earlier."""

    def __init__(self, mode: Mode, plan: Plan | None = None) -> None:
        self.at = 0.0
        self.next_id: str | None = None
        self._mode = switches_of(mode)
        self._drops = False
        self.emulator = Emulator(
            seed=0, **self._mode, max_log_bytes=sys.maxsize, time=Clock(lambda: self.at),
            issue=self._issue, plan=plan,
        )  # fmt: skip
        self.emulator.engine.analysis.most = MAX_REPORTS

    def _issue(self, tx: Transaction, scope: str, content: str) -> str:
        return self.next_id or session_ids.issue(tx, scope, content)

    def adopt(self, session_id: str) -> bool:
        """Know the session from now on. False if it is known already."""
        return self.emulator.adopt(sessions.open_session(session_id, -1.0, self.at))

    def drop_after_end(self, drops: bool) -> None:
        """Whether events after sessionEnd are taken and dropped, as the recorded service did (C-20)."""
        if drops is not self._drops:
            self._drops = drops
            self.emulator.configure(seed=0, **self._mode, after_end="drop" if drops else "gone")


class _RecordingPlayer:
    """A recording on its way through an Emulator. `adopts`: sessions may have begun before it (rule 2)."""

    def __init__(self, mode: Mode, adopts: bool = True, plan: Plan | None = None) -> None:
        self.playback = Playback(mode, plan)
        self.emulator = self.playback.emulator
        self.remarks: list[Problem] = []
        self.taken: list[_Taken] = []
        self._adopts = adopts

    def take(self, one: Located, session_id: str | None = None) -> None:
        """Judge the next request. `session_id` is that of the session that it begins, or belongs to."""
        emulator, playback, record = self.emulator, self.playback, one.record
        playback.at, playback.next_id = max(playback.at, record.at), session_id
        if one.is_counted and (missing := _missing_body(record)):
            self.remarks.append(_remark("body-not-recorded", f"Not checked: {missing}.", record.place))
            return
        if one.kind is Kind.EVENT and session_id and one.named and session_id != one.named:
            one = one.of_session(session_id)
        taken = not one.is_counted or one.was_taken
        if one.kind is Kind.EVENT:
            playback.drop_after_end(taken and record.status is not None)
        if one.kind is Kind.EVENT and taken:
            self._adopt(one)
        refused = not taken and self._would_take(one)
        if refused:
            emulator.replace_faults([_refusal(record.status)])
        answer = emulator.handle(one.request)
        if refused:
            emulator.clear_faults()
        self.taken.append(_Taken(answer.seq, record.place, record.status, _allows_more(one.kind, record)))
        if not record.faulted:
            self._compare(one, answer.response, refused)

    def _adopt(self, one: Located) -> None:
        """Rule 2."""
        if self._adopts and one.named is not None and self.playback.adopt(one.named):
            message = "its sessionStart is not in the recording: the report misses what came before"
            self.remarks.append(_remark("start-not-recorded", message)._replace(session_id=one.named))

    def _would_take(self, one: Located) -> bool:
        if one.protocol.read(one.request, self.emulator.mode).refused is not None:
            return False
        if one.kind is not Kind.EVENT:
            return True
        outline = self.emulator.queries.outline(one.named or "")
        return outline is not None and outline.session.phase is Phase.OPEN

    def _compare(self, one: Located, answer: Response, refused: bool) -> None:
        """Rule 3."""
        status = one.record.status
        if status is None:
            if refused:
                why = f" ({one.record.failure})" if one.record.failure else ""
                self._differs(one, f"it reached no server{why}, so it is not counted")
        elif refused:
            would = one.protocol.good_status(one.kind, one.request.target)
            without = one.protocol.unreadable(one.record.response_headers, one.record.response_body)
            within = f" {without}" if status == would and without else ""
            self._differs(one, f"answered {status}{within}, so it is not counted; mcmock answers {would}")
        elif status != answer.status and not (one.kind is Kind.PREFLIGHT and status == 200):
            self._differs(one, f"answered {status}; mcmock answers {answer.status}")
        elif one.is_start and one.record.response_headers and one.was_taken:
            wrong = one.protocol.unreadable(one.record.response_headers, one.record.response_body)
            if wrong is not None:
                self._differs(one, f"answered {wrong}")

    def _differs(self, one: Located, message: str) -> None:
        remark = _remark("answer-differs", message, one.record.place)
        self.remarks.append(remark._replace(event_type=one.event_type, session_id=one.named or one.issued))


class _Taken(NamedTuple):
    """What the log has not of a request. `allowed`: it is a preflight that was granted."""

    seq: int
    place: str
    answered: int | None
    allowed: bool


def _allows_more(kind: Kind, record: Recorded) -> bool:
    """Return whether it is a preflight that the recorded service granted: it may allow more than is documented."""
    if kind is not Kind.PREFLIGHT or record.status is None or not record.response_headers:
        return False
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in record.request.headers)
    return http.preflight_refusal(headers, record.status, record.response_headers) is None


Kept = TypeVar("Kept")
Made = TypeVar("Made")


class _MadeAnew(Sequence[Made], Generic[Kept, Made]):
    """What is made of something that is kept, each time that somebody looks at it."""

    def __init__(self, kept: Sequence[Kept], make: Callable[[Kept], Made]) -> None:
        self._kept, self._make = kept, make

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> Made: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Made]: ...
    def __getitem__(self, place: int | slice) -> Made | Sequence[Made]:
        if isinstance(place, slice):
            return [*map(self._make, self._kept[place])]
        return self._make(self._kept[place])


class Sessions(_MadeAnew[str, SessionView]):
    """The sessions of a recording that was played, oldest first."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator, self.ids = emulator, emulator.session_ids()
        super().__init__(self.ids, self._view)

    def _view(self, session_id: str) -> SessionView:
        view = self._emulator.session(session_id)
        assert view is not None
        return view


class _Requests(_MadeAnew[_Taken, Checked]):
    """The requests of a recording that was played, in order of time, as they stand at the end."""

    def __init__(self, emulator: Emulator, taken: Sequence[_Taken]) -> None:
        super().__init__(taken, self._checked)
        self._emulator = emulator
        self._of_sessions = bytearray(1 + max((one.seq for one in taken), default=0))
        self._known: dict[
            int, tuple[Outcome, tuple[Finding, ...]]
        ] = {}  # of those, all but what is good and without findings

    def note(self, view: SessionView) -> None:
        """Keep what became of a session's requests."""
        for one in view.exchanges:
            self._of_sessions[one.seq] = True
            if one.findings or one.outcome is not Outcome.GOOD:
                self._known[one.seq] = one.outcome, one.findings

    def remarkable(self) -> Iterator[Checked]:
        """Yield those of which there may be something to say."""
        return (self._checked(one) for one in self._kept if one.seq in self._known or not self._of_sessions[one.seq])

    def _checked(self, one: _Taken) -> Checked:
        if self._of_sessions[one.seq]:
            known = self._known.get(one.seq, (Outcome.GOOD, ()))
            exchange = self._emulator.queries.request_as(one.seq, *known)
        else:
            exchange = self._emulator.request(one.seq)
        assert exchange is not None
        if one.allowed:
            kept = tuple(found for found in exchange.findings if found.rule != "preflight-refused")
            exchange = replace(exchange, findings=kept)
        return Checked(one.place, exchange, one.answered)


def _missing_body(record: Recorded) -> str:
    """Why what was sent is not in the recording: recorders leave out bodies of beacons, and those that are too long for them."""
    length = http.header(record.request.headers, b"content-length") or b"0"
    if record.body_missing or record.request.body or not length.isdigit() or int(length) == 0:
        return record.body_missing
    return LEFT_OUT


def _refusal(status: int | None) -> Any:
    """Return the fault that answers so, before the request is processed."""
    named = {"name": "recorded", "side": "before", "times": 1}
    return faults.status(status, **named) if status is not None and status >= 200 else faults.close(**named)  # type: ignore[arg-type]


# -- what was found -------------------------------------------------------------------------------------------------------


def _of_session(view: SessionView, unjudged: bool) -> Iterator[Problem]:
    """What is wrong with a session; `unjudged` says that the recording lacks bodies of requests: it may have sent these."""
    for finding in view.judgement.session_findings:
        yield _of_finding(finding, session_id=view.id)
    is_start = [one.kind for one in view.exchanges] == [Kind.SESSION] and not view.session.downloaded
    if is_start and not unjudged and not view.judgement.session_findings:
        told = view.taken_in[0].paths.session if view.taken_in else "the answer"
        message = f"nothing but its start is recorded: was {told} read?"
        yield _remark("only-started", message)._replace(session_id=view.id)


def _of_request(one: Checked) -> Iterator[Problem]:
    exchange = one.exchange
    astray = any(finding.rule == "misdirected" for finding in exchange.findings)
    if str(exchange.verdict) in REMARKS and not astray and exchange.fault is None:
        message = protocol_named(exchange.protocol.name).error_message(exchange.response_body)
        yield _remark(str(exchange.verdict), f"answered {exchange.status}: {message}", one.place, exchange)
    rejected = exchange.outcome is Outcome.BAD
    for finding in exchange.findings:
        yield _of_finding(finding, one.place, exchange.event_type, exchange.session_id, rejected=rejected)


def _of_finding(
    finding: Finding,
    place: str = "",
    event_type: str | None = None,
    session_id: str | None = None,
    *,
    rejected: bool = False,
) -> Problem:
    level = FailOn.REJECTED if rejected and finding.severity is Severity.ERROR else level_of(finding)
    return Problem(finding.severity, finding.rule, finding.message, place, event_type, session_id, level)


# -- a timeline: what it expects is compared ------------------------------------------------------------------------------


def _timeline(recording: formats.Recording, name: str, mode: Mode, plan: Plan | None) -> Checkup:
    parsed = timeline.parse(recording.document, TIMELINE_STARTS_MS)
    played, ids = _RecordingPlayer(mode, adopts=False, plan=plan), dict[str, str]()
    for place, step in enumerate(replay_plan.of_timeline(parsed).steps):
        if step.kind in STARTS:
            ids[step.session] = sha256(f"{name}/{place}".encode("utf-8", "surrogatepass")).hexdigest()
        issued = ids.get(step.session) if step.kind in STARTS else None
        played.take(Located(_record(step, place, parsed.steps[place].at, ids)), issued)
    if parsed.close is not None:
        _close(played.playback, parsed.close)
    done = _conclude(played, name, recording.kind, 0)
    if mode is not Mode.DEFAULT:
        return done  # what a timeline expects, it expects of the default mode
    return done._replace(problems=(*_unexpected(done, parsed), *unmet(done, parsed)))


def _record(step: replay_plan.PlannedRequest, place: int, at: float, ids: Mapping[str, str]) -> Recorded:
    known = ids.get(step.session, formats.NO_SESSION)
    target, body = step.protocol.readdressed(step.target, step.body, SID, known)
    headers = tuple((name.encode(), value.encode()) for name, value in step.headers)
    request = Request(step.method, target, headers, body)
    return Recorded(TIMELINE_STARTS_MS / 1000 + at, request, None, (), b"", f"steps[{place}]", taken=True)


def _close(playback: Playback, close: timeline.Closed) -> None:
    playback.at = max(playback.at, TIMELINE_STARTS_MS / 1000 + close.at)
    if close.reason == "expired":
        for session_id in playback.emulator.session_ids():
            playback.emulator.expire(session_id)


def _unexpected(done: Checkup, parsed: timeline.Timeline) -> Iterator[Problem]:
    """Yield the problems that the timeline has not named itself."""
    named = {
        one.place for one, step in zip(done.requests, parsed.steps, strict=True)
        if step.findings is not None or (step.status is not None and one.exchange.verdict not in _NOT_REFUSED)
    }  # fmt: skip
    about_session = parsed.findings is not None
    for problem in done.problems:
        expected = problem.rule not in PLAN_RULES and (
            problem.place in named if problem.place else about_session and problem.rule in findings.RULES
        )
        if not expected:
            yield problem


def unmet(done: Checkup, parsed: timeline.Timeline) -> Iterator[Problem]:
    """Yield what the timeline expects and what was played does not meet."""
    steps = replay_plan.of_timeline(parsed).steps
    for one, step in zip(done.requests, steps, strict=True):
        found = [finding.rule for finding in one.exchange.findings if finding.rule not in PLAN_RULES]
        lines = list(replay_plan.different_findings([step], [found]))
        if step.status is not None and step.status != one.exchange.status:
            lines.append(f"{step.words}: expected {step.status}, got {one.exchange.status}")
        yield from (_remark("not-as-expected", line, one.place, one.exchange) for line in lines)
    if not done.sessions:
        yield from (_remark("not-as-expected", line) for line in replay_plan.unopened(parsed))
    for view in done.sessions:
        for line in _unmet_by_session(view, parsed):
            yield _remark("not-as-expected", line)._replace(session_id=view.id)


def _unmet_by_session(view: SessionView, parsed: timeline.Timeline) -> Iterator[str]:
    found = (one.rule for one in view.judgement.session_findings if one.rule not in PLAN_RULES)
    session = view.session
    after = None if session.closed_at is None else session.closed_at - session.opened_at
    return replay_plan.different_session(parsed, view.report.to_json(why=False), found, after)
