"""The tracking plan: what each kind of content must send, as rows, and one session judged by them, from its events alone.

Rules of this file:

1. A row for a content type stands before the row for all of the same key. A session whose sessionStart was not seen is
   judged by the rows for all. One whose content type no part of the plan is about is told so, once.
2. What is required must be there and say something: an empty text is a wrong value, a null is none at all.
3. Whether an event occurred is judged when the session is over, or has completed its content; that there were too many, at
   once. "Before" is by `ts`.
4. A ping cadence allows half as much again. Two pings that follow each other in less than half of it are too many. A
   downloaded session is not judged by it, and nothing is due once the content is complete.

It opens no file, and knows no TOML: `mcmock.analytics.plan_format` reads and writes plans.
"""

from __future__ import annotations

import re
from bisect import insort
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, NamedTuple, cast

from mcmock.analytics.processing import Judgement
from mcmock.core import turns
from mcmock.core.events import Event
from mcmock.core.findings import make_finding
from mcmock.core.json_decoding import json_path
from mcmock.core.match import Match
from mcmock.core.model import Finding, Mode
from mcmock.core.regex import searcher
from mcmock.core.wording import did_you_mean, named, nearest, shown

RULES: Final = ("plan-missing", "plan-value", "plan-unexpected")
REQUIRED, OPTIONAL, FORBIDDEN = PRESENCES = ("required", "optional", "forbidden")
PARTS: Final = ("params", "metadata")
ALL: Final = "all"
"""What the rows for every content type are called."""

SLACK: Final = 1.5
"""How many times its cadence a ping may take."""

MAX_FINDINGS: Final = 100
"""Findings of one request; what goes beyond is one more, that says so."""

MAX_COMPARED: Final = 100
"""Words that a wrong one is compared with."""

HURRY: Final = 0.5
"""How much of its cadence must lie between two pings."""


def _text_of(form: str) -> Callable[[Any], bool]:
    pattern = re.compile(form, re.ASCII)
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_DIGITS, _DECIMAL, _FLAG = _text_of(r"-?\d+"), _text_of(r"-?\d+(\.\d+)?"), _text_of("true|false")
TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_integer(value) or _DIGITS(value),
    "number": lambda value: _is_number(value) or _DECIMAL(value),
    "boolean": lambda value: isinstance(value, bool) or _FLAG(value),
    "object": lambda value: isinstance(value, Mapping),
}
"""What a value may be asked to be. A text that reads as one will do: metadata and most params are texts."""


ItemId = tuple[str | int | None, ...]
"""What tells one item of a plan from all others."""


class Row(NamedTuple):
    """What the plan says of one key: whether it must be there, and what it may be. `content` is None for all."""

    content: str | None
    event: str
    part: str
    key: str
    presence: str = REQUIRED
    values: tuple[Any, ...] = ()
    matches: str | None = None
    type: str | None = None
    example: Any = None
    about: str = ""

    @property
    def id(self) -> ItemId:
        return self.content, self.event, self.part, self.key

    @property
    def words(self) -> str:
        return f"{self.part}.{named(self.key)}"

    @property
    def where(self) -> str:
        return self.event if self.content is None else f"{self.event} of {self.content} content"


class Occurrence(NamedTuple):
    """An event that must occur: so often, before the first event of a type, and only where the session has a certain event."""

    content: str | None
    number: int
    match: Match
    when: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    at_least: int = 1
    at_most: int | None = None
    name: str = ""

    @property
    def id(self) -> ItemId:
        return self.content, "events", self.number

    @property
    def words(self) -> str:
        before = f" before {'|'.join(self.before)}" if self.before else ""
        return self.name or f"{self.match}{before}".removeprefix("event=")

    @property
    def is_about_the_end(self) -> bool:
        return "sessionEnd" in str(self.match.wanted.get("event"))


class Cadence(NamedTuple):
    """How many seconds lie between two pings, in main content or in an ad."""

    content: str | None
    key: str  # "pingSeconds" or "adPingSeconds"
    seconds: float

    @property
    def id(self) -> ItemId:
        return self.content, self.key

    @property
    def words(self) -> str:
        return f"{self.key} {self.seconds:g}"


Item = Row | Occurrence | Cadence


class _Part(NamedTuple):
    """The rows about one part of an event, by their keys; in which order they stand; which say something of what is not sent."""

    rows: dict[str, Row]
    places: dict[str, int]
    always: tuple[str, ...]

    @classmethod
    def of(cls, rows: dict[str, Row]) -> _Part:
        places = {key: place for place, key in enumerate(rows)}
        return cls(rows, places, tuple(key for key, row in rows.items() if row.presence != OPTIONAL))


@dataclass(frozen=True)
class Plan:
    """A tracking plan. `source` is the JSON that it was read from.

    `closed` are the parts in which a key that no row is about is unexpected: (content, event, part).
    `exempt` are keys, by event, that the API itself requires.
    """

    rows: tuple[Row, ...]
    occurrences: tuple[Occurrence, ...]
    cadences: tuple[Cadence, ...]
    contents: tuple[str, ...]
    has_all: bool
    closed: Mapping[tuple[str | None, str, str], bool]
    exempt: Mapping[str, frozenset[str]]
    source: Mapping[str, Any] = field(repr=False)
    _fit: dict[str, Callable[[Any], bool]] = field(init=False, repr=False, compare=False)
    _parts: dict[tuple[str | None, str, str], _Part] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fit", {one: searcher(one) for row in self.rows if (one := row.matches) is not None})
        object.__setattr__(self, "_parts", {part: _Part.of(rows) for part, rows in self._merged().items()})

    def _merged(self) -> dict[tuple[str | None, str, str], dict[str, Row]]:
        """Rule 1: the rows that hold for each content type, and for those that the plan does not name."""
        merged: dict[tuple[str | None, str, str], dict[str, Row]] = {}
        for content in (None, *self.contents):
            for row in sorted(self.rows, key=lambda row: row.content is not None):
                if row.content in (None, content):
                    merged.setdefault((content, row.event, row.part), {})[row.key] = row
        return merged

    @property
    def items(self) -> tuple[Item, ...]:
        return (*self.rows, *self.occurrences, *self.cadences)

    def named(self, content: object) -> str | None:
        """Return the content type as the plan has it, None where it does not name it."""
        return content if isinstance(content, str) and content in self.contents else None

    def rows_for(self, content: str | None, event: str, part: str) -> Mapping[str, Row]:
        known = self._parts.get((content, event, part))
        return known.rows if known is not None else {}

    def rows_about(self, content: str | None, event: str, part: str, sent: Mapping[str, Any]) -> Iterable[Row]:
        """Return the rows that have something to say of what was sent, in their order: of the optional ones, no others."""
        known = self._parts.get((content, event, part))
        if known is None:
            return ()
        keys = {*known.always, *(key for key in sent if key in known.rows)}
        return map(known.rows.__getitem__, sorted(keys, key=known.places.__getitem__))

    def is_closed(self, content: str | None, event: str, part: str) -> bool:
        own = self.closed.get((content, event, part))
        return self.closed.get((None, event, part), False) if own is None else own

    def cadence_for(self, content: str | None, key: str) -> Cadence | None:
        found = [one for one in self.cadences if one.key == key and one.content in (None, content)]
        return max(found, key=lambda one: one.content is not None, default=None)

    def wrong(self, row: Row, value: Any) -> str | None:
        """Return what is wrong with a value, as words that follow "is"; None where nothing is."""
        if row.values and not any(
            value == one and isinstance(value, bool) is isinstance(one, bool) for one in row.values
        ):
            texts = [one for one in row.values if isinstance(one, str)]
            return f"{shown(value)}, which is none of {', '.join(map(str, row.values))}{did_you_mean(value, texts)}"
        if row.type is not None and not TYPES[row.type](value):
            return f"{shown(value)}, which is no {row.type}"
        if row.matches is not None and not self._fit[row.matches](value if isinstance(value, str) else str(value)):
            return f"{shown(value)}, which /{row.matches}/ does not match"
        if row.presence == REQUIRED and value in ("", {}) and not row.values:
            return "empty"
        return None


class Use:
    """How often an item was judged and failed, and which of its values were seen, by their places."""

    __slots__ = ("failed", "judged", "seen")

    def __init__(self, judged: int = 0, failed: int = 0) -> None:
        self.judged, self.failed = judged, failed
        self.seen: set[int] = set()

    def add(self, other: Use) -> None:
        self.judged += other.judged
        self.failed += other.failed
        self.seen |= other.seen


class _Stamp(NamedTuple):
    """An event's place in time, and where the session stood after it."""

    ts: int
    number: int
    seq: int
    event_type: str
    path: str
    where: str = "content"


class PlannedSession:
    """One session judged by a plan, event by event in order of arrival. Adding costs the same however long it is."""

    def __init__(self, plan: Plan, mode: Mode = Mode.DEFAULT, downloaded: bool = False) -> None:
        self.plan = plan
        self.content: str | None = None
        self._uses: dict[ItemId, Use] = {}
        self._mode, self._downloaded = mode, downloaded
        self._found: dict[int, tuple[Finding, ...]] = {}
        self.told = 0
        """How many findings of requests there are."""
        self._added = 0
        self._started = self._completed = False
        self._seen: set[str] = set()
        self._first: dict[str, int] = {}  # the `ts` of the first event of each type
        self._hits: dict[int, list[int]] = {}  # the earliest `ts` of what each occurrence asks for
        self._counts: dict[int, int] = {}
        self._stamps: list[_Stamp] = []
        self._late: dict[int, Finding] = {}  # by the event's number
        self._paced: set[ItemId] = set()  # the cadences that a gap was judged by

    @property
    def size(self) -> int:
        """How many findings are kept, and rows that were judged."""
        return self.told + len(self._uses)

    def remains(self) -> list[object]:
        """Return what takes long to let go of where the plan is long, or much was found."""
        return [*self._uses.values(), *self._found.values()]

    # -- events in ------------------------------------------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Take in the next event to arrive."""
        path = f"$[{self._added}]" if self._downloaded else "$"
        self._added += 1
        if event.after_end:
            return
        if event.event_type == "sessionStart" and not self._started:
            self._begin(event, path)
        for part in PARTS:
            self._judge(event, part, path)
        self._note(event)
        if self.plan.cadences and not self._downloaded:
            self._stamp(event, path)

    def _begin(self, event: Event, path: str) -> None:
        self._started = True
        sent, known = event.params.get("media.contentType"), self.plan.contents
        self.content = self.plan.named(sent)
        if self.content is None and known and not self.plan.has_all:
            where = json_path(("media.contentType",), path + event.paths.params)
            meant = did_you_mean(sent, known[:MAX_COMPARED])
            message = f"the plan is about no content of type {shown(sent)}{meant}; it has {', '.join(known)}"
            self._say("plan-unexpected", event, where, lambda: message)

    def _judge(self, event: Event, part: str, path: str) -> None:
        rows = self.plan.rows_for(self.content, event.event_type, part)
        sent = event.params if part == "params" else event.metadata
        at = path + (event.paths.params if part == "params" else event.paths.metadata)
        for row in self.plan.rows_about(self.content, event.event_type, part, sent):
            self._judge_row(row, event, sent, at)
        if self.plan.is_closed(self.content, event.event_type, part):
            self._judge_others(event, part, sent, rows, at)

    def _judge_row(self, row: Row, event: Event, sent: Mapping[str, Any], at: str) -> None:
        value, where = sent.get(row.key), json_path((row.key,), at)
        if value is None:
            if row.presence != OPTIONAL:
                self._use(row, failed=row.presence == REQUIRED)
            if row.presence == REQUIRED:
                words = f"{row.words} is required on {row.where} by the plan"
                self._say("plan-missing", event, where, lambda: words + self._hint(row, sent))
        elif row.presence == FORBIDDEN:
            self._use(row, failed=True)
            self._say("plan-unexpected", event, where, lambda: f"{row.words} is forbidden on {row.where} by the plan")
        else:
            wrong = self.plan.wrong(row, value)
            use = self._use(row, failed=wrong is not None)
            if wrong is None:
                use.seen.update(place for place, one in enumerate(row.values) if one == value)
            else:
                self._say("plan-value", event, where, lambda: f"{row.words} is {wrong}{_example(row)}")

    def _hint(self, row: Row, sent: Mapping[str, Any]) -> str:
        """Say what was sent instead, if the plan has no use for it, or what might have been. Params have settled names."""
        known = self.plan.rows_for(self.content, row.event, row.part)
        others = [key for key in sent if key not in known] if row.part == "metadata" else []
        near = nearest(row.key, others[:MAX_COMPARED])
        return f"; {named(near)} was sent" if near else _example(row)

    def _judge_others(self, event: Event, part: str, sent: Mapping[str, Any], rows: Mapping[str, Row], at: str) -> None:
        exempt = self.plan.exempt.get(event.event_type, frozenset()) if part == "params" else frozenset()
        known = [*rows][:MAX_COMPARED] if part == "metadata" else []
        for key in sent:
            if key not in rows and key not in exempt:
                words = partial(_unknown, part, key, known)
                self._say("plan-unexpected", event, json_path((key,), at), words)

    def _use(self, row: Row, *, failed: bool) -> Use:
        use = self._uses.setdefault(row.id, Use())
        use.add(Use(1, int(failed)))
        return use

    def _say(self, rule: str, event: Event, path: str, words: Callable[[], str]) -> None:
        """Note what is wrong with an event, as long as there is not too much of it."""
        known = self._found.get(event.seq, ())
        if len(known) > MAX_FINDINGS:
            return
        told = words() if len(known) < MAX_FINDINGS else "there is more that the plan does not allow; it is not listed"
        root = path[: path.find("]") + 1] if self._downloaded else "$"
        place = event.paths.in_request(path, root) if len(known) < MAX_FINDINGS else ""
        finding = make_finding(rule, self._mode, place, told)
        if finding is not None:
            self._found[event.seq] = (*known, finding)
            self.told += 1

    # -- which events occur -----------------------------------------------------------------------------------------------

    def _note(self, event: Event) -> None:
        kind = event.event_type
        self._seen.add(kind)
        self._completed = self._completed or kind == "sessionComplete"
        self._first[kind] = min(event.ts, self._first.get(kind, event.ts))
        for place, one in enumerate(self.plan.occurrences):
            if one.match.holds(event):
                self._counts[place] = self._counts.get(place, 0) + 1
                hits = self._hits.setdefault(place, [])
                insort(hits, event.ts)
                del hits[one.at_least :]

    def _occurrence_findings(self, closed: bool) -> Iterator[tuple[Occurrence, Finding | None]]:
        """Yield each occurrence that can be judged by now, and what is wrong with it, if anything is."""
        for place, one in enumerate(self.plan.occurrences):
            if one.content not in (None, self.content) or (one.when and not self._seen.intersection(one.when)):
                continue
            got, is_over = self._counts.get(place, 0), closed or (self._completed and not one.is_about_the_end)
            if one.at_most is not None and got > one.at_most:
                message = f"{one.words} may occur {one.at_most} times by the plan, and occurred {got} times"
                yield one, make_finding("plan-unexpected", self._mode, "", message)
            elif is_over and self._in_time(place, one) < one.at_least:
                often = f" {one.at_least} times" if one.at_least > 1 else ""
                when = f" where there is {'|'.join(one.when)}" if one.when else ""
                message = f"{one.words} must occur{often}{when} by the plan, and did not"
                yield one, make_finding("plan-missing", self._mode, "", message)
            elif is_over:
                yield one, None

    def _in_time(self, place: int, one: Occurrence) -> int:
        first = min((self._first[kind] for kind in one.before if kind in self._first), default=None)
        return sum(first is None or ts <= first for ts in self._hits.get(place, ()))

    # -- how often it pings ---------------------------------------------------------------------------------------------------

    def _stamp(self, event: Event, path: str) -> None:
        """Put the event in its place in time, and judge the gaps around it anew."""
        stamps = self._stamps
        insort(stamps, _Stamp(event.ts, self._added, event.seq, event.event_type, path + event.paths.ts))
        place = next(at for at in range(len(stamps) - 1, -1, -1) if stamps[at].number == self._added)
        for at in range(place, len(stamps)):
            before = stamps[at - 1] if at else None
            where = _where(before.where if before is not None else "content", stamps[at].event_type)
            settled = at > place and where == stamps[at].where
            stamps[at] = stamps[at]._replace(where=where)
            self._late.pop(stamps[at].number, None)
            if before is not None and (found := self._gap(before, stamps[at])) is not None:
                self._late[stamps[at].number] = found
            if settled:
                break

    def _gap(self, before: _Stamp, now: _Stamp) -> Finding | None:
        cadence = self.plan.cadence_for(self.content, "adPingSeconds" if before.where == "ad" else "pingSeconds")
        if cadence is None or before.where == "over":
            return None
        self._paced.add(cadence.id)
        gap = (now.ts - before.ts) / 1000
        due = f"a ping is due every {cadence.seconds:g} s by the plan"
        if gap > cadence.seconds * SLACK:
            return make_finding("plan-value", self._mode, now.path, f"{gap:.1f} s since the event before it; {due}")
        if before.event_type == now.event_type == "ping" and gap < cadence.seconds * HURRY:
            return make_finding("plan-value", self._mode, now.path, f"{gap:.1f} s since the ping before it; {due}")
        return None

    # -- what was found ---------------------------------------------------------------------------------------------------

    def judgement(self, judgement: Judgement, closed: bool) -> Judgement:
        """Return the session's judgement with what the plan adds to it; `closed` says that no more events will come."""
        late: dict[int, list[Finding]] = {}
        for stamp in self._stamps if self._late else ():
            if (finding := self._late.get(stamp.number)) is not None:
                late.setdefault(stamp.seq, []).append(finding)
        known = judgement.findings
        findings = {
            seq: (*known.get(seq, ()), *self._found.get(seq, ()), *late.get(seq, ())) for seq in {**self._found, **late}
        }
        about_session = tuple(
            one for _, one in self._occurrence_findings(closed or self._downloaded) if one is not None
        )
        if not findings and not about_session:
            return judgement
        return replace(
            judgement, findings=ChainMap(findings, cast(MutableMapping[int, tuple[Finding, ...]], known)),
            session_findings=(*judgement.session_findings, *about_session),
        )  # fmt: skip

    def uses(self, closed: bool) -> Mapping[ItemId, Use]:
        """Return how often each item of the plan was judged in this session; occurrences and cadences once at most."""
        occurred = {
            one.id: Use(1, int(found is not None))
            for one, found in self._occurrence_findings(closed or self._downloaded)
        }
        return {**self._uses, **occurred, **{one: Use(1, int(bool(self._late))) for one in self._paced}}


def _where(before: str, event_type: str) -> str:
    """Return where a session stands after an event: in "content", in an "ad", or "over"."""
    if before == "over" or event_type in ("sessionComplete", "sessionEnd"):
        return "over"
    if event_type == "adStart":
        return "ad"
    return "content" if event_type in ("adComplete", "adSkip", "adBreakComplete") else before


def _unknown(part: str, key: str, known: list[str]) -> str:
    return f"{part}.{named(key)} is not in the plan{did_you_mean(key, known)}"


def _example(row: Row) -> str:
    return f"; an example is {shown(row.example)}" if row.example is not None else ""


# -- coverage ---------------------------------------------------------------------------------------------------------------


class Covered(NamedTuple):
    """An item of the plan, how often sessions were judged by it and failed, and which of its values none of them sent."""

    item: Item
    judged: int
    failed: int
    unseen: tuple[Any, ...] = ()


class Coverage:
    """How much sessions exercised each item of a plan, summed session by session."""

    def __init__(self, plan: Plan) -> None:
        self._items = plan.items
        self._total: dict[ItemId, Use] = {item.id: Use() for item in plan.items}

    def add(self, uses: Mapping[ItemId, Use]) -> None:
        """Take in one session: what `PlannedSession.uses` returns."""
        for one, use in turns.paused(uses.items()):
            if one in self._total:  # the plan may have changed while the sessions were asked
                self._total[one].add(use)

    def items(self) -> tuple[Covered, ...]:
        return tuple(_covered(item, self._total[item.id]) for item in turns.paused(self._items))


def merged_coverage(parts: Iterable[tuple[Covered, ...]]) -> tuple[Covered, ...]:
    """Return the coverage of all parts together; each is one of the same plan."""
    return tuple(_merge(alike) for alike in turns.paused(zip(*parts, strict=True)))


def _merge(alike: tuple[Covered, ...]) -> Covered:
    unseen = [value for value in alike[0].unseen if all(value in one.unseen for one in alike)]
    return Covered(alike[0].item, sum(one.judged for one in alike), sum(one.failed for one in alike), tuple(unseen))


def _covered(item: Item, use: Use) -> Covered:
    values = item.values if isinstance(item, Row) else ()
    return Covered(
        item, use.judged, use.failed, tuple(one for place, one in enumerate(values) if place not in use.seen)
    )
