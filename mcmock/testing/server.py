"""What a test holds in its hand: a running emulator with an address, and the questions a test asks it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import signature
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, overload

from mcmock.analytics.plan_format import as_plan
from mcmock.analytics.views import SessionView
from mcmock.checks import comparison_text, timeline_text
from mcmock.checks.comparison import REPORTED, WITHIN, Comparison, compare
from mcmock.checks.verdict import Lost
from mcmock.checks.verification import Check, Verification, check, waiting
from mcmock.core.findings import FailOn
from mcmock.core.match import Match
from mcmock.core.model import Exchange
from mcmock.core.wording import did_you_mean
from mcmock.engine import Emulator, Summary, policy
from mcmock.faults import FaultRule, FaultState, Refusal, preset, rule_from_json
from mcmock.faults.losses import Losses
from mcmock.recordings.files import session_of
from mcmock.server import Service, ServiceThread
from mcmock.server.admin.checks import verify as verify_async
from mcmock.server.endpoint import Endpoint
from mcmock.storage import open_store
from mcmock.testing.golden import GoldenStore, RecordedSession, on_build_server, recorded

Wanted = Mapping[str, Any]
"""The Match fields of a method's keywords: event="ping", playhead={"min": 10}, params={"media.id": "film"} …"""

PER_TEST: Final = (*policy.LIVE, "seed", "faults", "preset", "plan", "clock")
"""Options that a running server can take on: those of `prepare`, and of the plugin's marker."""

PLACE: Final = tuple(name for name in signature(Endpoint).parameters if name != "throwaway")
"""Options of where it listens, and who may use its control API: https_port, tls_name, admin_token …"""

STORE: Final = "store"
"""The option that says what keeps log and sessions: the words of `mcmock serve --store`."""

SessionNamed = SessionView | str | PathLike[str]
"""A session that a test has, its id, or the path of a recording of it."""

_ASKED_FOR: Final = ("outcome", "verdict", "status", "rule")
"""A test that names one of these knows what it gets: bad requests found that way are expected."""

PAST: Final = 10_000
"""Sessions from before a reset whose late requests are still told from those that nothing accounts for."""


class McmockServer:
    """A server on a thread of its own; a context manager. `options` are those of Emulator, `prepare`, Endpoint, and `store`."""

    def __init__(self, **options: Any) -> None:
        """Raises TypeError for an option there is not, ValueError for a value it cannot have."""
        _refuse_unknown(options)
        self._options = {name: value for name, value in options.items() if name in PER_TEST}
        at = {name: options.pop(name) for name in PLACE if name in options}
        store = open_store(options.pop(STORE, "memory"))
        made_with = {name: value for name, value in options.items() if name not in PER_TEST}
        self.emulator = store.emulator(**made_with)
        seed = self._options.get("seed")
        self.first_seed: int = self.emulator.seed if seed is None else seed
        self.clock = TestClock(self.emulator)
        self.goldens = GoldenStore(Path.cwd(), frozen=on_build_server())
        self._expected: set[int] = set()
        self._past: deque[str] = deque(maxlen=PAST)
        # A test's certificate authority is its own, and gone with it, unless it asks for the one that is kept.
        self._thread = ServiceThread(Service(self.emulator, throwaway="state_dir" not in at, **at))
        self.faults = TestFaults(self.emulator, self._thread)
        self._ca_folder: TemporaryDirectory[str] | None = None
        try:
            self.prepare()
        except BaseException:
            self._thread.discard()
            self.emulator.close()
            raise

    def prepare(self, **changes: Any) -> None:
        """Begin afresh with the options it was made with and these `changes`, without a new address.

        `strict`, `loose`, `seed` and `after_end` are Emulator's; `faults` are rules, or mappings in their JSON form,
        `preset` is the name of one or a list of names, in force now and after each reset; `clock="frozen"` stops the
        clock. `plan` is the tracking plan that sessions are judged by: a TOML or JSON file, or the same as a mapping. What is
        half there, as a request whose rest has not come, is broken off: nobody waits for it any more.
        Raises TypeError and ValueError as the constructor does.
        """
        _refuse_unknown(changes, PER_TEST)
        options = overlaid(self._options, changes)
        if (running := options.pop("clock", "running")) not in ("running", "frozen"):
            raise ValueError(f"clock must be 'running' or 'frozen', not {running!r}")
        rules = [*_rules(options.pop("faults", ())), *_preset_rules(options.pop("preset", ()))]
        plan = as_plan(options.pop("plan", None))
        seed = options.pop("seed", None)
        self._thread.break_off()
        self.emulator.configure(seed=self.first_seed if seed is None else seed, **options)
        self.emulator.begin_with_faults(rules)
        self.emulator.begin_with_plan(plan)
        self._forget()
        if running == "frozen":
            self.emulator.freeze()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.stop()
        self.emulator.close()
        if self._ca_folder is not None:
            self._ca_folder.cleanup()

    def start(self) -> None:
        """Listen, after `stop` at the same addresses; nothing if it does. Raises OSError if another program has the port."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening: connections are refused, over HTTPS too, and those that are open are closed.

        Log, sessions, faults and the clock stay, and can be asked; sessions time out as ever. `start` listens again, and
        so does the fixture before the next test.
        """
        self._thread.pause()

    @property
    def url(self) -> str:
        return self._thread.service.url

    @property
    def admin_token(self) -> str | None:
        """What its control API wants as `Authorization: Bearer TOKEN`; None where it wants nothing."""
        return self._thread.service.place.token

    @property
    def https_url(self) -> str:
        """The same server over HTTPS, which it listens for from the first time you ask. Raises ValueError without `tls`."""
        return self._thread.https_url()

    @property
    def ca_file(self) -> Path:
        """The certificate authority that a client of `https_url` has to trust (PEM)."""
        service = self._thread.service
        self._thread.https_url()
        if service.ca_file is not None:
            return service.ca_file
        if service.place.authority is None:
            raise ValueError("with tls_cert there is no certificate authority of mcmock's: trust your own")
        if self._ca_folder is None:
            self._ca_folder = TemporaryDirectory(prefix="mcmock-")
            (Path(self._ca_folder.name) / "ca.pem").write_bytes(service.place.authority.pem)
        return Path(self._ca_folder.name) / "ca.pem"

    @property
    def admin_url(self) -> str:
        return self._thread.service.admin_url

    # -- what has arrived ---------------------------------------------------------------------------------------------

    def requests(self, **match: Any) -> list[Exchange]:
        """Return the exchanges that match, oldest first."""
        __tracebackhide__ = True
        wanted = _taken(Match, match)
        return self._noted(wanted, self.emulator.requests(wanted))

    def request(self, **match: Any) -> Exchange:
        """Return the one exchange that matches. Raises AssertionError if there is none, or more than one."""
        __tracebackhide__ = True
        return self._checked(_taken(check, match, count=1))[0]

    def sessions(self) -> list[RecordedSession]:
        """Return every session that was opened, oldest first."""
        return [recorded(view, self.goldens) for view in self.emulator.sessions()]

    def session(self, session_id: str | None = None) -> RecordedSession:
        """Return the session of that id, or the only one. Raises AssertionError if there is none, or more than one."""
        __tracebackhide__ = True
        found = [one for one in self.sessions() if session_id in (None, one.id)]
        if len(found) != 1:
            wanted = "exactly one session" if session_id is None else f"the session {session_id}"
            raise AssertionError(f"expected {wanted}, but there are {len(found) or 'none'}\n\n{self.story()}")
        return found[0]

    def summary(self) -> Summary:
        """Return the counts a test asks for first: total, good, bad, ignored, faulted …"""
        return self.emulator.summary()

    def losses(self) -> Losses:
        """Return what became of each request that a fault met: retried, moved, duplicated, counted or lost."""
        return self.emulator.losses()

    def assert_no_losses(self, *, allow_duplicated: bool = False) -> Losses:
        """Raise AssertionError if an event that a fault met was counted nowhere, or twice, or if no fault met any."""
        __tracebackhide__ = True
        losses = self.losses()
        if not losses.faulted:
            raise AssertionError("no request met a fault, so nothing was tested: is the fault's match right?")
        if losses.lost or losses.orphaned or (losses.duplicated and not allow_duplicated):
            raise AssertionError(str(losses))
        return losses

    def assert_same_report(
        self, old: SessionNamed, new: SessionNamed, *, within: float = WITHIN, count_known: bool = False
    ) -> Comparison:
        """Raise AssertionError, telling what differs, unless both sessions come to the same report; returns the comparison.

        A session is one of `sessions()`, its id, or a recording: a file, with `#` and the first letters of an id where it
        holds several. Numbers, params and custom metadata count; of them what SDKs are known to do differently only with
        `count_known`. Durations may be `within` seconds apart. Raises ValueError for what is no session, nor a recording of
        one, and OSError where it cannot be read.
        """
        __tracebackhide__ = True
        done = compare(self._session_named(old), self._session_named(new), within)
        if done.counted(count_known=count_known, parts=REPORTED):
            names = [
                "" if isinstance(one, SessionView) or self.emulator.session(str(one)) else str(one)
                for one in (old, new)
            ]
            raise AssertionError(comparison_text.text(done, *names, count_known=count_known))
        return done

    def _session_named(self, named: SessionNamed) -> SessionView:
        __tracebackhide__ = True
        if isinstance(named, SessionView):
            return named
        return self.emulator.session(str(named)) or _taken(session_of, str(named))

    def story(self) -> str:
        """Return the timeline of each session, and the requests that belong to none, for a terminal of 80 columns."""
        return timeline_text.whole(self.emulator)

    # -- what must have arrived, or must come -------------------------------------------------------------------------

    def wait_for(self, *, count: int = 1, timeout: float = 5.0, **match: Any) -> list[Exchange]:
        """Those exchanges, as soon as there are `count`. Raises AssertionError after `timeout` seconds without them."""
        __tracebackhide__ = True
        return self._checked(_taken(waiting, match, count, timeout))

    async def wait_for_async(self, *, count: int = 1, timeout: float = 5.0, **match: Any) -> list[Exchange]:  # noqa: ASYNC109
        """`wait_for` for a test whose client runs on the same loop."""
        __tracebackhide__ = True
        return self._accept(*await self._ask_async(_taken(waiting, match, count, timeout)))

    def assert_received(
        self,
        *,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        within: float | None = None,
        allow_no_sessions: bool = False,
        **match: Any,
    ) -> list[Exchange]:
        """So many exchanges match: exactly `count`, or within the bounds, or at least one. Returns them.

        `within` is in seconds of real time: a lower bound has so long to come true, an upper bound must hold so long.
        Raises AssertionError that shows what came instead.
        """
        __tracebackhide__ = True
        asked = _taken(
            check,
            match,
            count=count,
            at_least=at_least,
            at_most=at_most,
            within=within,
            allow_no_sessions=allow_no_sessions,
        )
        return self._checked(asked)

    def assert_never(self, *, within: float = 0.0, allow_no_sessions: bool = False, **match: Any) -> None:
        """No exchange matches, nor comes in the next `within` seconds. Fails where there is no session at all."""
        __tracebackhide__ = True
        self._checked(_taken(check, match, count=0, within=within, allow_no_sessions=allow_no_sessions))

    async def assert_never_async(self, *, within: float = 0.0, allow_no_sessions: bool = False, **match: Any) -> None:
        """`assert_never` for a test whose client runs on the same loop."""
        __tracebackhide__ = True
        asked = _taken(check, match, count=0, within=within, allow_no_sessions=allow_no_sessions)
        self._accept(*await self._ask_async(asked))

    def assert_sequence(
        self,
        sequence: Sequence[str | Wanted],
        *,
        gaps: bool = False,
        within: float | None = None,
        allow_no_sessions: bool = False,
        **match: Any,
    ) -> None:
        """The events of every session that matches, in processing order, are those of `sequence`.

        The pattern language is `mcmock.checks.sequence`'s: "ping*", "play|pauseStart", "..."; with `gaps`, other events may
        stand before, between and after. Only accepted events are looked at, unless `match` asks for others.
        """
        __tracebackhide__ = True
        self._checked(
            _taken(check, match, sequence=sequence, gaps=gaps, within=within, allow_no_sessions=allow_no_sessions)
        )

    def _checked(self, asked: Check) -> list[Exchange]:
        __tracebackhide__ = True
        return self._accept(asked, self.emulator.verify(asked))

    async def _ask_async(self, asked: Check) -> tuple[Check, Verification]:
        return asked, await self._thread.ask(verify_async(self.emulator, asked))

    def _accept(self, asked: Check, answer: Verification) -> list[Exchange]:
        __tracebackhide__ = True
        if not answer.passed:
            raise AssertionError(answer.message)
        return self._noted(asked.match, list(answer.requests))

    def _noted(self, match: Match, found: list[Exchange]) -> list[Exchange]:
        """Remember which exchanges the test asked for by what became of them."""
        if any(field in match.wanted for field in _ASKED_FOR):
            self._expected.update(one.seq for one in found)
        return found

    def verdict(self, fail_on: FailOn | str = FailOn.LOST, allow: Sequence[str] = ()) -> Lost:
        """Return whether anything was lost that nothing in the test accounts for, up to the level `fail_on`.

        Accounted for are the requests that the test asked for by outcome, verdict, status or rule, those a fault met, those
        to sessions that the test let time out, expire or be forgotten, and those to sessions from before the last reset;
        and what the rules of `allow` find. What was sent until now is read first, whether its answer was waited for or not.
        Raises ValueError for a level or a rule there is not.
        """
        __tracebackhide__ = True
        self._thread.read_all()
        return _taken(self.emulator.verdict, fail_on, allow, self._expected | self._stragglers())

    def _stragglers(self) -> set[int]:
        """Return the rejected requests to sessions from before the last reset."""
        past = set(self._past).difference(self.emulator.session_ids())
        rejected = self.emulator.requests(Match({"outcome": "bad"})) if past else []
        return {one.seq for one in rejected if one.session_id in past}

    def reset(self) -> None:
        """Empty the log, forget every session and every named scope, let the clock run. What had arrived is gone with it."""
        self._thread.read_all()
        self._thread.end_refusal()
        self._forget()

    def _forget(self) -> None:
        self._past.extend(self.emulator.session_ids())
        self.emulator.reset()
        self._thread.service.scopes.forget_all()
        self._expected.clear()


P = ParamSpec("P")
T = TypeVar("T")


def _taken(make: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return what `make` makes of a test's words. Where it refuses them, the traceback ends at the test's own line."""
    __tracebackhide__ = True
    try:
        return make(*arguments, **options)
    except ValueError as error:
        refusal = error
    raise refusal.with_traceback(None)


def overlaid(options: Wanted, changes: Wanted) -> dict[str, Any]:
    """`options` with `changes` over them: of strict and loose, the later word stands."""
    exclusive = {"strict": "loose", "loose": "strict"}
    dropped = {exclusive[name] for name, value in changes.items() if name in exclusive and value}
    return {**{name: value for name, value in options.items() if name not in dropped}, **changes}


def _rules(faults: object) -> list[FaultRule]:
    """One rule or several, in lists or not, each as mcmock.faults makes it or in JSON's form. Raises ValueError otherwise."""
    if isinstance(faults, FaultRule | Mapping) or not isinstance(faults, Iterable) or isinstance(faults, str):
        return [_rule(faults)]
    return [rule for one in faults for rule in _rules(one)]


def _rule(one: object) -> FaultRule:
    if isinstance(one, FaultRule):
        return one
    if not isinstance(one, Mapping):
        raise ValueError(
            f"a fault is what mcmock.faults.reset() and its like return, or a mapping, not {one!r}; "
            "the name of a preset goes to preset"
        )
    return rule_from_json(one)


def _preset_rules(names: str | Sequence[str]) -> Iterator[FaultRule]:
    for name in [names] if isinstance(names, str) else names:
        yield from preset(name)


def _refuse_unknown(options: Wanted, known: Sequence[str] = ()) -> None:
    known = known or [*signature(Emulator).parameters, *PER_TEST, *PLACE, STORE]
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known)
            raise TypeError(f"{name} is not an option here{hint}; the options are {', '.join(dict.fromkeys(known))}")


class TestClock:
    """The emulator's clock, from a test's side; times in seconds since the epoch."""

    __test__ = False  # pytest: this is no test case

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def now(self) -> float:
        return self._emulator.now

    def advance(self, seconds: float) -> float:
        return self._emulator.advance(seconds)

    def freeze(self) -> float:
        return self._emulator.freeze()

    def resume(self) -> float:
        return self._emulator.resume()


class TestFaults:
    """The faults in force, from a test's side. Rules come from `mcmock.faults`."""

    __test__ = False  # pytest: this is no test case

    def __init__(self, emulator: Emulator, thread: ServiceThread) -> None:
        self._emulator, self._thread = emulator, thread

    @overload
    def add(self, rule: FaultRule | Wanted) -> FaultRule: ...

    @overload
    def add(self, rule: Refusal) -> Refusal: ...

    def add(self, rule: FaultRule | Wanted | Refusal) -> FaultRule | Refusal:
        """Put a rule behind those in force; returns it with its name. Raises ValueError for a name that is taken.

        `faults.refuse` begins at once, and ends by its time, by `clear`, a reset, or `server.start()`.
        """
        __tracebackhide__ = True
        if isinstance(rule, Refusal):
            self._thread.refuse(rule.for_seconds)
            return rule
        return _taken(self._emulator.add_fault, _taken(_rule, rule))

    def preset(self, name: str) -> tuple[FaultRule, ...]:
        """Put the rules of a preset behind those in force. Raises ValueError, naming those there are, for another name."""
        __tracebackhide__ = True
        return self._emulator.put_faults(_taken(preset, name))

    def replace(self, *rules: FaultRule | Wanted | Sequence[FaultRule | Wanted]) -> tuple[FaultRule, ...]:
        """These rules, or lists of rules, instead of those in force."""
        __tracebackhide__ = True
        return _taken(self._emulator.replace_faults, _taken(_rules, rules))

    def remove(self, name: str) -> bool:
        """Lift the fault of that name, and free what it holds. False if there is none."""
        return self._emulator.remove_fault(name)

    def clear(self) -> None:
        """Lift every fault, and free what they hold."""
        self._emulator.clear_faults()
        self._thread.end_refusal()

    def __iter__(self) -> Iterator[FaultState]:
        """Each rule in force, with its hits, in the order they are tried."""
        return iter(self._emulator.faults())
