"""Scopes: one emulator for each of those who share a server, and which of them a request belongs to.

A scope is named by the path (`/~NAME/api/v1/…`), by the session id that it issued, or by a rule over a header, a datastream or a
visitor id, in this order; what none of them names is the default scope's. It is made by the first request that names it and
forgotten after it was idle. It knows neither sockets nor how the control API is asked.

Rules of this file:

1. A scope's log holds paths without the prefix, so that a test reads the same in every scope; `Location` has none either,
   because the SDKs put it behind the address they know. That is why a session id carries its scope's mark.
2. A server without named scopes and rules pays one truth test a request.
3. Idle time is real time: a scope's own clock may be frozen, or hours ahead.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mcmock.core import clock, http
from mcmock.core.match import Match
from mcmock.core.model import Answer, Refusal, Request
from mcmock.engine import DEFAULT_SCOPE, MARK_LENGTH, Emulator, Summary, mark
from mcmock.engine.changes import StoreUnavailable
from mcmock.protocols.base import ApiProtocol

PREFIX = "/~"
"""What the path of a named scope begins with."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

MAX_SCOPES = 256
"""Scopes at once. One more takes the place of the one that was idle longest, if that was long enough."""

SHARED_BY = 4
"""Scopes that keep as much as the options allow. If there are more, all of them share what so many may keep."""

IDLE_AFTER = 3600.0
"""Real seconds without a request, to it or about it, after which a named scope is forgotten."""

MIN_SCOPE_AGE = 60.0
"""Real seconds that a scope is safe from being displaced by a new one."""

_NAMELESS = "a scope's name is 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit"
_RULE_KEYS = ("name", "header", "is", "visitor", "datastream")


class BadScope(ValueError):
    """There can be no such scope: its name is none, or there are too many."""


class Rule(NamedTuple):
    """Requests with this header or of this datastream, or sessions of this visitor, belong to scope `name`, or to the one that
    the value names."""

    name: str | None
    header: bytes | None  # None: by visitor, or by datastream
    wanted: Match
    of_datastream: bool = False

    def names(self, request: Request, protocol: ApiProtocol) -> str | None:
        """Return the scope that `request` belongs to by this rule, if any."""
        if self.header is None and not self.of_datastream:
            return self.name if any(map(self._holds, protocol.visitor(request).values())) else None
        value = protocol.datastream_of(request) if self.header is None else _line(request, self.header)
        if value is None:
            return None
        return (self.name or _as_name(value)) if self._holds(value) else None

    def _holds(self, value: Any) -> bool:
        return self.wanted.holds(_Words({"value": value}))


def _line(request: Request, name: bytes) -> str | None:
    sent = http.header(request.headers, name)
    return sent.decode("latin-1") if sent is not None else None


class _Words(NamedTuple):
    """A value as a Match over `params` looks at it; `wanted` asks for nothing else."""

    params: Mapping[str, Any]


def _as_name(value: str) -> str:
    """Return a value as a scope's name: what a name cannot hold becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", value)[:64].lstrip("._-") or DEFAULT_SCOPE


def rules_from(tables: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return the rules that a config's `[[scope]]` tables say, in their order.

    A table has `header`, its name, and `is`, what it must be (anything, if left out), or it has `visitor`, the id, or
    `datastream`, its id. Values are exact, a list, or `{"matches": "regex"}`. `name` is the scope; with a header or a
    datastream it may be left out, and then the value names it. Raises ValueError, naming the table and its key.
    """
    return tuple(_rule(table, f"scope rule {number}") for number, table in enumerate(tables, 1))


def _rule(table: Mapping[str, Any], what: str) -> Rule:
    unknown = sorted(set(table) - set(_RULE_KEYS))
    if unknown:
        raise ValueError(f"{what}: {unknown[0]} is not known; the keys are {', '.join(_RULE_KEYS)}")
    name, header = table.get("name"), table.get("header")
    if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
        raise ValueError(f"{what}: name is {name!r}, but {_NAMELESS}")
    if sum(key in table for key in ("header", "visitor", "datastream")) != 1:
        raise ValueError(f"{what}: say one of header, visitor and datastream")
    if "datastream" in table:
        if "is" in table:
            raise ValueError(f"{what}: a rule by datastream has no is")
        return Rule(name, None, _wanted(what, table["datastream"]), True)
    if "visitor" in table:
        if name is None or "is" in table:
            raise ValueError(f"{what}: a rule by visitor needs name, and no is")
        return Rule(name, None, _wanted(what, table["visitor"]))
    if not isinstance(header, str) or not header:
        raise ValueError(f"{what}: header must be a header's name, not {header!r}")
    return Rule(name, header.lower().encode("latin-1", "replace"), _wanted(what, table.get("is", {"exists": True})))


def _wanted(what: str, value: Any) -> Match:
    try:
        return Match({"params": {"value": value}})
    except ValueError as error:
        raise ValueError(f"{what}: {error}".replace("match.params.value", "the value")) from None


class ScopeView(NamedTuple):
    """A scope, and for how long nobody has used it, in real seconds; the default one is never forgotten."""

    name: str
    idle: float
    emulator: Emulator


class _Held(NamedTuple):
    emulator: Emulator
    used: float


class Scopes:
    """The emulators of one server. `default` is there from the start; the others are its siblings, with its options.

    `most` and `idle_after` bound how many there are and how long an idle one is kept; `now` is real time in seconds.
    """

    def __init__(
        self,
        default: Emulator,
        *,
        rules: tuple[Rule, ...] = (),
        most: int = MAX_SCOPES,
        idle_after: float = IDLE_AFTER,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.default = default
        self._rules = rules
        self._elsewhere = default.knows_scopes
        self._most, self._idle_after, self._now = most, idle_after, now
        self._lock = threading.Lock()
        self._named: dict[str, _Held] = {}
        self._marks: dict[str, str] = {}
        self._for_each: list[Callable[[Emulator], object]] = []
        self.is_one = True
        """Whether a request without a prefix can only be the default scope's."""
        self._note_is_one()

    def _note_is_one(self) -> None:
        self.is_one = not (self._marks or self._rules or self._elsewhere)

    # -- which scope --------------------------------------------------------------------------------------------------

    def place(self, request: Request) -> tuple[Emulator, Request]:
        """Return the emulator that is to judge `request`, and the request as it is to see it."""
        if self.is_one and not request.target.startswith(PREFIX):
            return self.default, request
        try:
            return self._place(request)
        except StoreUnavailable:
            return self.default, request  # which says so itself

    def _place(self, request: Request) -> tuple[Emulator, Request]:
        if not request.target.startswith(PREFIX):
            return self._unprefixed(request), request
        name, target = split(request.target)
        try:
            return self.named(name), request._replace(target=target)
        except BadScope as error:
            refused = request.refusal or Refusal("scope-refused", 400, str(error))
            return self.default, request._replace(keep_alive=False, refusal=refused)

    def place_at_hand(self, request: Request) -> tuple[Emulator, Request] | None:
        """`place` where that needs nothing that is not in this process; else None."""
        if request.target.startswith(PREFIX):
            return self.place(request) if split(request.target)[0] in (*self._named, DEFAULT_SCOPE) else None
        named = self._session_named(request)
        if named is None:
            return (self.default, request) if not self._rules else None
        if named[-MARK_LENGTH:] in self._marks:
            return self.place(request)
        return (self.default, request) if self.default.queries.knows(named) else None

    def handle(self, request: Request) -> tuple[Emulator, Answer]:
        """Judge a request in its scope; which one that was, and what to answer."""
        emulator, asked = self.place(request)
        return emulator, emulator.handle(asked)

    def of_session(self, request: Request) -> Emulator:
        """Return the emulator that issued the session that a request names; the default one where none did."""
        if not self._marks and not self._elsewhere:
            return self.default
        named = self._session_named(request)
        name = self._scope_of(named) if named is not None else None
        return self._use(name) if name is not None else self.default

    def _session_named(self, request: Request) -> str | None:
        return self.default.engine.protocol_of(request).session_named(request)

    def _scope_of(self, session_id: str) -> str | None:
        """Return the named scope that issued this id: one that is known here, or one that only the store knows."""
        ending = session_id[-MARK_LENGTH:]
        name = self._marks.get(ending)
        if name is not None or not self._elsewhere or self.default.queries.knows(session_id):
            return name
        return self.default.find_scope(ending)

    def _unprefixed(self, request: Request) -> Emulator:
        emulator = self.of_session(request)
        if emulator is not self.default or not self._rules or self._session_named(request) is not None:
            return emulator
        protocol = self.default.engine.protocol_of(request)
        for rule in self._rules:
            if (name := rule.names(request, protocol)) is not None:
                return self._named_or_default(name)
        return self.default

    def _named_or_default(self, name: str) -> Emulator:
        try:
            return self.named(name)
        except BadScope:
            return self.default

    # -- the scopes there are -----------------------------------------------------------------------------------------

    def named(self, name: str) -> Emulator:
        """Return the scope of that name, made if there is none yet. Raises BadScope when there can be none."""
        if name == DEFAULT_SCOPE:
            return self.default
        return self._use(name) if name in self._named else self._make(name)

    def is_ruled(self, name: str) -> bool:
        """Return whether a rule names that scope, so that it is meant even if no request has come to it yet."""
        return any(rule.name == name for rule in self._rules)

    def get(self, name: str) -> Emulator | None:
        """Return the scope of that name, if there is one (still)."""
        self.forget_idle()
        return self.named(name) if name == DEFAULT_SCOPE or name in self._named else None

    def each(self) -> list[Emulator]:
        """Return all of them, the default one first."""
        return [self.default, *(held.emulator for held in list(self._named.values()))]

    def for_each(self, do: Callable[[Emulator], object]) -> None:
        """Call `do` for every scope there is, and for each one that is made later."""
        with self._lock:
            self._for_each.append(do)
        for emulator in self.each():
            do(emulator)

    def views(self) -> list[ScopeView]:
        self.forget_idle()
        now, named = self._now(), dict(self._named)
        first = ScopeView(DEFAULT_SCOPE, 0.0, self.default)
        return [first, *(ScopeView(name, now - at.used, at.emulator) for name, at in named.items())]

    def summary(self) -> Summary:
        """Return the counts over all scopes."""
        return Summary(*map(sum, zip(*(view.emulator.summary() for view in self.views()), strict=True)))

    def forget(self, name: str) -> bool:
        """Drop a named scope with all that is in it. False if there is none."""
        with self._lock:
            return self._drop(name)

    def forget_all(self) -> None:
        """Drop every named scope."""
        with self._lock:
            for name in list(self._named):
                self._drop(name)

    def catch_up(self) -> None:
        """Take in, in every scope, what other processes have done. Raises StoreUnavailable."""
        for emulator in self.each():
            emulator.catch_up()

    def close(self) -> None:
        """Let go of the store, if there is one, once everything is in it. No more requests after that."""
        self.default.close()

    def forget_idle(self) -> None:
        """Drop the scopes whose time is up."""
        with self._lock:
            since = self._now() - self._idle_after
            for name in [name for name, held in self._named.items() if held.used <= since]:
                self._drop(name)

    def _use(self, name: str) -> Emulator:
        held = self._named.get(name)
        if held is None:
            return self._make(name)
        now = self._now()
        if now - held.used >= self._idle_after:
            self.forget(name)
            return self._make(name)
        self._named[name] = held._replace(used=now)
        return held.emulator

    def _make(self, name: str) -> Emulator:
        if not NAME.fullmatch(name):
            raise BadScope(f"{name[:80]!r} names no scope: {_NAMELESS}")
        self.forget_idle()
        with self._lock:
            if name not in self._named:
                self._make_room()
                self._named[name] = _Held(self.default.sibling(name), self._now())
                self._marks[mark(name)] = name
                self._note_is_one()
                self._share()
                for do in self._for_each:
                    do(self._named[name].emulator)
            return self._named[name].emulator

    def _make_room(self) -> None:
        if len(self._named) < self._most:
            return
        oldest = min(self._named, key=lambda name: self._named[name].used)
        if self._now() - self._named[oldest].used < MIN_SCOPE_AGE:
            raise BadScope(f"Too many scopes ({self._most}). A scope is freed after one minute without requests.")
        self._drop(oldest)

    def _drop(self, name: str) -> bool:
        held = self._named.pop(name, None)
        if held is None:
            return False
        self._marks.pop(mark(name), None)
        held.emulator.retire()
        self._elsewhere = self._elsewhere or self.default.has_store  # which knows it still
        self._note_is_one()
        self._share()
        return True

    def _share(self) -> None:
        """Let all scopes together keep no more than a few may, whoever makes up their names."""
        part = min(1.0, SHARED_BY / (len(self._named) + 1))
        for emulator in self.each():
            emulator.share(part)


def around(emulator: Emulator | Scopes) -> Scopes:
    """Scopes with `emulator` as the default one, or those that are given."""
    return emulator if isinstance(emulator, Scopes) else Scopes(emulator)


def split(target: str) -> tuple[str, str]:
    """Return the scope's name in a prefixed target, and the target behind it."""
    name, slash, rest = target[len(PREFIX) :].partition("/")
    if not slash:
        name, question, query = name.partition("?")
        rest = question + query
    return name, "/" + rest
