"""An event: what every emulated API says of one moment of a session. It knows no body format: a protocol reads bodies.

Names of params, quality values and metadata are those of the Media Collection API, whichever API brought them, because
Analytics calls them so, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

LARGEST: Final = 10**15  # as milliseconds, 30000 years

EVENT_TYPES: Final = (
    "sessionStart", "sessionComplete", "sessionEnd", "play", "ping", "pauseStart", "bufferStart", "bitrateChange", "error",
    "adBreakStart", "adBreakComplete", "adStart", "adComplete", "adSkip", "chapterStart", "chapterComplete", "chapterSkip",
    "stateStart", "stateEnd", "statesUpdate",
)  # fmt: skip
"""The 19 event types of the specification, and statesUpdate, in its order."""

VISITOR_KEYS: Final = ("visitor.marketingCloudUserId", "analytics.visitorId", "analytics.aid", "appInstallationId")
"""The params of sessionStart that tell who watches."""


CONTENT_KEYS: Final = ("media.id", "media.playerName", "media.channel", "media.contentType", "media.length")
"""The params of sessionStart that tell what is watched, and by which player. No visitor: browsers make up new ones."""


def content_key(params: Mapping[str, Any]) -> str:
    """Return what stands for what is watched: the same text for each start of the same content."""
    return "/".join([str(params.get(key)) for key in CONTENT_KEYS])


class FieldPaths(NamedTuple):
    """Where an API's bodies hold what a finding may be about, as JSON paths without the `$` in front.

    Findings are made with the first API's paths. `moved` returns what an API with other bodies has instead of one, from the
    request's root. `session` is where a player reads which session it has, and `unread` what keeps it from that, as a question.
    """

    ts: str
    playhead: str
    params: str = ""
    metadata: str = ""
    moved: Callable[[str], str] | None = None
    session: str = "Location"
    unread: str = "in a browser: Access-Control-Expose-Headers?"

    def in_request(self, path: str, at: str) -> str:
        """Return a path that begins with `at`, the place of the event's own body, as it stands in the request."""
        if self.moved is None or not path.startswith(at):
            return path
        return "$" + self.moved(path.removeprefix(at))


class Event(NamedTuple):
    """One accepted request of a session, or one element of a downloaded array.

    `seq` is the Exchange's (the elements of one array share it), `at` its arrival in seconds by the emulator's clock,
    `playhead` is in seconds and `ts` in milliseconds, both by the player. `after_end` marks what was answered 204 although
    the session had ended (after_end="drop"). `paths` says where the body holds the values. `sent_playhead` and `sent_ts` are
    what the player sent, None where it sent no number. `id` tells the event from every other, in APIs whose events have one.
    """

    seq: int
    at: float
    event_type: str
    playhead: float
    ts: int
    params: Mapping[str, Any]
    qoe: Mapping[str, Any]
    metadata: Mapping[str, Any]
    after_end: bool = False
    paths: FieldPaths = FieldPaths("", "")
    sent_playhead: float | None = None
    sent_ts: float | None = None
    id: str | None = None


class EventReader(Protocol):
    """What reads the events in the body of a request: an emulated API."""

    name: str

    def events(self, body: bytes, seq: int, at: float, after_end: bool = False, target: str = "") -> tuple[Event, ...]:
        """Return the events that a body holds; the rest is that of its log entry, `target` its request's."""
        ...


class EventFields:
    """What a request says of the one event that it brings; each empty or None where it has it not, or brings no single one."""

    event: Event | None

    @property
    def params(self) -> Mapping[str, Any]:
        return self.event.params if self.event is not None else {}

    @property
    def qoe(self) -> Mapping[str, Any]:
        return self.event.qoe if self.event is not None else {}

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.event.metadata if self.event is not None else {}

    @property
    def playhead(self) -> float | None:
        """Seconds into the content, as the player reported it."""
        return self.event.sent_playhead if self.event is not None else None

    @property
    def ts(self) -> int | None:
        """The player's own time of the event, in milliseconds since the epoch."""
        sent = self.event.sent_ts if self.event is not None else None
        return None if sent is None else int(sent)


def number_or_none(value: object) -> float | None:
    """Return a number to count with: not a flag, and neither infinite nor beyond what any clock or bitrate can say."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= LARGEST else None
