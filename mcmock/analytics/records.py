"""The values a report is made of: events in, spans and records out. Shapes only; nothing is counted here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mcmock.core.events import number_or_none

STANDARD_STATES: Final = frozenset({"fullscreen", "closedcaptioning", "mute", "pictureinpicture", "infocus"})


class Close(NamedTuple):
    """How the session stands. `at` is when it closed, or now while it is open; seconds by the emulator's clock.

    `reason`: open, ended (sessionEnd), idle (10 minutes without an event), stalled (30 minutes without playhead movement),
    expired (by hand or by a fault) or forgotten (the same, and its id with it).
    """

    reason: str
    at: float
    evicted: int = 0  # requests that left the log before they were counted: the report misses them


class Span(NamedTuple):
    """One interval or moment that a number was counted from, and the exchanges that show it.

    `axis` says what `start` and `end` are milliseconds of: `ts` (the player's clock), `playhead` (the content's own time)
    or `arrival` (the emulator's clock). A moment has `start == end`.
    """

    start: int
    end: int
    seqs: tuple[int, ...]
    label: str
    axis: str = "ts"

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "seqs": list(self.seqs), "label": self.label, "axis": self.axis}


class Segment(NamedTuple):
    """Time on one account: [start_ms, end_ms) of the running clock, between two places in the processing order.

    `owner` is the ad's ordinal for ad time, else -1.
    """

    start_ms: int
    end_ms: int
    label: str
    owner: int
    first: int
    last: int


class _Part:
    """A part of a session that was opened and has an outcome."""

    __slots__ = ()
    outcome: str
    time_ms: int

    @property
    def started(self) -> bool:
        return True

    @property
    def completed(self) -> bool:
        return self.outcome == "complete"

    @property
    def time_spent(self) -> float:
        """In seconds."""
        return self.time_ms / 1000


@dataclass(frozen=True, slots=True)
class Ad(_Part):
    """One ad inside its break. `outcome`: open, complete, skip, or abandoned (ended by anything else)."""

    seq: int
    id: str
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    break_ordinal: int
    break_id: str
    start_ts: int
    end_ts: int | None = None
    time_ms: int = 0
    outcome: str = "open"

    @property
    def friendly_name(self) -> str | None:
        return text_or_none(self.params.get("media.ad.name"))

    @property
    def length(self) -> float | None:
        return number_or_none(self.params.get("media.ad.length"))

    @property
    def pod_position(self) -> int | None:
        value = number_or_none(self.params.get("media.ad.podPosition"))
        return None if value is None else int(value)

    @property
    def in_reports(self) -> bool:
        """Reporting drops ads with an empty id (dimensions/ad)."""
        return bool(self.id)


@dataclass(frozen=True, slots=True)
class AdBreak(_Part):
    """One ad break; its time is that of its ads. `outcome`: open, complete (adBreakComplete came) or abandoned."""

    seq: int
    id: str
    index: int
    params: Mapping[str, Any]
    playhead: float
    start_ts: int
    end_ts: int | None = None
    time_ms: int = 0
    ad_count: int = 0
    outcome: str = "open"

    @property
    def offset(self) -> float | None:
        return number_or_none(self.params.get("media.ad.podSecond"))

    @property
    def friendly_name(self) -> str | None:
        return text_or_none(self.params.get("media.ad.podFriendlyName"))


@dataclass(frozen=True, slots=True)
class Chapter(_Part):
    """One chapter. `outcome`: open, complete, skip (also when the next chapter overlapped it) or abandoned.

    `before_ms` is the session's content time when it began; `time_ms` is final once it has ended. Its time is that of the
    main content played while it was open; ads inside it do not count.
    """

    seq: int
    id: str
    index: int
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    start_ts: int
    before_ms: int
    end_ts: int | None = None
    time_ms: int = 0
    outcome: str = "open"

    @property
    def offset(self) -> float | None:
        return number_or_none(self.params.get("media.chapter.offset"))

    @property
    def length(self) -> float | None:
        return number_or_none(self.params.get("media.chapter.length"))

    @property
    def friendly_name(self) -> str | None:
        return text_or_none(self.params.get("media.chapter.friendlyName"))


@dataclass(frozen=True, slots=True)
class State:
    """One player state, its name as it was first sent. `opened_ms` is the running clock at its stateStart while it is open."""

    name: str
    count: int = 0
    time_ms: int = 0
    opened_ms: int | None = None
    opened_by: int = 0

    @property
    def is_set(self) -> bool:
        return self.count > 0

    @property
    def time(self) -> float:
        return self.time_ms / 1000


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def state_key(sent: object) -> str:
    """Return what tells one state from another: a standard name in any spelling is one state (C-14)."""
    name = sent if isinstance(sent, str) else ""
    return name.lower() if name.lower() in STANDARD_STATES else name


def hashed(media_id: str, index: int) -> str:
    """Return the id of an ad break or a chapter: md5(media.id), an underscore, its index (dimensions/ad-pod and chapter)."""
    return f"{hashlib.md5(media_id.encode('utf-8', 'surrogatepass'), usedforsecurity=False).hexdigest()}_{index}"
