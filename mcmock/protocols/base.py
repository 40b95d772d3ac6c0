"""The seam: all that the rest of mcmock may ask of an emulated API.

A Protocol turns a request into a ParsedRequest, and what the engine decided into a Response; it says which events stored
bytes hold, and what a request tells of the scope it belongs to. It must not know sessions, faults or storage: whether a
session is open, and what its events come to, is decided elsewhere, the same way for every API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from mcmock.core.events import Event
from mcmock.core.model import Finding, Headers, Kind, Mode, RawHeaders, Request, Response, Verdict

Schema = dict[str, Any]
"""A part of an OpenAPI document."""

SID: Final = "{sid}"
"""The place for a session id, in a path or in a header."""

EXPIRED: Final = "it has expired"
"""The reason of a session that was closed by hand or by a fault; those that ended or timed out have reasons of their own."""


DEFAULT_CORS_HEADERS: Final = "Content-Type"
"""What a browser may send without an option that widens it."""

DEFAULT_ORG: Final = "0123456789ABCDEF01234567@AdobeOrg"


class Options(NamedTuple):
    """What an API is told when it is made. An API leaves alone what it has no use for.

    `cors_headers`, `cors_max_age` and `cors_private_network` widen the preflight. `org_id` is the organization whose
    datastreams are there: those of `datastreams`, every one if it is empty; those of `without_media` have no Media Analytics.
    """

    cors_headers: str | None = None
    cors_max_age: int | None = None
    cors_private_network: bool = False
    org_id: str = DEFAULT_ORG
    datastreams: frozenset[str] = frozenset()
    without_media: frozenset[str] = frozenset()

    @property
    def allowed_headers(self) -> str:
        """The value of Access-Control-Allow-Headers."""
        return DEFAULT_CORS_HEADERS if self.cors_headers is None else self.cors_headers


class FaultPreset(NamedTuple):
    """A named set of faults of an API, each in the form of JSON. Two APIs that have one of the same name share it."""

    name: str
    about: str
    rules: tuple[Mapping[str, Any], ...]


def no_cors() -> FaultPreset:
    """Return the preset of any API that pages use: the line without which a browser keeps an answer to itself."""
    about = "a gateway that drops the header a browser needs to read any answer"
    return FaultPreset("no-cors", about, ({"effect": {"type": "drop_header", "name": "Access-Control-Allow-Origin"}},))


class Path(NamedTuple):
    """One path of an API: its template, and the kind of request that each method makes."""

    template: str
    methods: Mapping[str, Kind]


class Refused(NamedTuple):
    """Why a request is refused for what it is, whatever session it names: a verdict, a status and a sentence for the client.

    `allow` lists the methods of the path where the method is wrong; `keep_alive` is false where the connection must end.
    """

    verdict: Verdict
    status: int
    message: str
    allow: str | None = None
    keep_alive: bool = True


class ParsedRequest(NamedTuple):
    """What can be known of a request without knowing any session.

    `session_id` is the session it is for, if it names one. `event_type`, `playhead` (seconds) and `ts` (the player's own time
    in milliseconds) are those of its last event.
    `downloaded` says that it brings a session whole. `content` stands for what is watched, wherever a session is opened.
    `document` is what a request for a schema is answered. `body` is the protocol's own reading of the body: the engine
    hands it back and never looks inside.
    """

    kind: Kind
    session_id: str | None = None
    event_type: str | None = None
    playhead: float | None = None
    findings: tuple[Finding, ...] = ()
    refused: Refused | None = None
    downloaded: bool = False
    document: bytes = b""
    body: Any = None
    ts: int | None = None


class RecalledEvent(NamedTuple):
    """What a body says that need not be looked at closer: one like it was judged before, and not refused.

    `playhead` is in seconds, `ts` in milliseconds. `content` stands for what is watched, where it opens a session.
    """

    event_type: str
    playhead: float
    ts: int
    findings: tuple[Finding, ...]
    content: str = ""


class KnownLine(NamedTuple):
    """What a request is whose first line says it all: an event or a preflight of a session, or a start."""

    kind: Kind
    session_id: str | None = None


class Address(NamedTuple):
    """What the target of a recorded request says: its kind, the session that it names, and the target on a server of ours.

    A recorded server may have stood behind a host or a prefix; `target` is without both. `session_id` may be any text.
    """

    kind: Kind
    session_id: str | None
    target: str


class Account(NamedTuple):
    """For whom requests are written: the datastream of one API; organization, report suite and tracking server of the other."""

    datastream: str = "converted"
    report_suite: str = "converted"
    tracking_server: str = "analytics.example"
    org_id: str = DEFAULT_ORG


class Written(NamedTuple):
    """A request that says what events say: where it goes, and its body. `left_out` names what the API has no place for."""

    target: str
    body: bytes
    left_out: tuple[str, ...] = ()


class Operation(NamedTuple):
    """A method of a path, for the OpenAPI document: `takes` is the schema of its body, `answers` a response for each status.

    `query` has the parameters of its URL, and whether it must have each.
    """

    path: str
    method: str
    name: str
    about: str
    takes: Schema | None
    answers: Mapping[str, Schema]
    query: Mapping[str, bool] = MappingProxyType({})


class KnownForms(Protocol):
    """Requests that are known by their form, so that the fast path need not have them read: events, starts, preflights.

    `targets` is a pattern of theirs, printable ASCII and nothing that has to be decoded; it has no groups that capture.
    `accepted` takes the time and returns what an event that was accepted is answered, on a connection that stays.
    """

    targets: bytes
    accepted: Callable[[float], Response]

    def line(self, method: str, target: str) -> KnownLine | None:
        """Return what a request is, where method and target alone say so."""
        ...

    def is_usual(self, headers: RawHeaders) -> bool:
        """Return whether nothing is found in an event or a start because of its header lines."""
        ...

    def recalls(self, kind: Kind, mode: Mode) -> Callable[[bytes], RecalledEvent | None]:
        """Return a function that tells of a body what is known from those before it; None: it has to be read."""
        ...

    def created(self, now: float, session_id: str) -> Response:
        """Return what a start is answered, on a connection that stays."""
        ...

    def preflighted(self, headers: RawHeaders) -> Callable[[float], Response]:
        """Return a function that answers preflights with these lines, on a connection that stays; it takes the time."""
        ...


class ApiProtocol(Protocol):
    """An emulated API. `known` are its requests that may be answered without an HTTP parser, where one has read the same header
    lines before."""

    name: str
    paths: Sequence[Path]
    event_types: Sequence[str]
    known: KnownForms | None = None
    presets: Sequence[FaultPreset] = ()
    forms: Mapping[str, str] = {}
    """The forms that a fault can give a true answer, and what each is."""

    # -- a request, and its response ----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Do now what a first request would wait for."""
        return

    def owns(self, target: str) -> bool:
        """Return whether a request target is one of this API's, or was meant to be."""
        ...

    def read(self, request: Request, mode: Mode) -> ParsedRequest:
        """Return what the request is, what was found in it, and why it is refused, if it is."""
        ...

    def respond(
        self, verdict: Verdict, parsed: ParsedRequest, request: Request, now: float, session_id: str | None, reason: str
    ) -> Response:
        """Return the response that tells the client what was decided; `now` is the emulator's time in seconds.

        `reason` says why a session takes no more events, or what broke.
        """
        ...

    def error(self, status: int, message: str, request: Request, now: float, *, keep_alive: bool = True) -> Response:
        """Return an error in the API's own form."""
        ...

    def altered(self, form: str, response: Response, request: Request, now: float) -> Response | None:
        """Return the answer to a request in one of the `forms`; None where it has nothing to change."""
        return None

    def content_of(self, parsed: ParsedRequest) -> str:
        """Return what stands for what is watched: the same text for each start of the same content."""
        ...

    def events(self, body: bytes, seq: int, at: float, after_end: bool = False, target: str = "") -> tuple[Event, ...]:
        """Return the events that an accepted body holds; the rest is that of its log entry, `target` its request's."""
        ...

    def session_named(self, request: Request) -> str | None:
        """Return the session id that the request names, if it can be one that was issued here."""
        ...

    def visitor(self, request: Request) -> Mapping[str, Any]:
        """Return the ids of the visitor, by param, if the request opens a session."""
        ...

    def datastream_of(self, request: Request) -> str | None:
        """Return the datastream that a request names, in an API that has such."""
        return None

    def follows_hint(self, target: str) -> bool | None:
        """Return whether an event was sent to the region that its session's start was told; None where there are none."""
        return None

    # -- requests that were recorded, or written down. An API without these is served, and not read from recordings -------

    def locate(self, request: Request) -> Address:
        """Return what a recorded request says of where it leads, whatever stands before the API's own path."""
        parsed = self.read(request, Mode.LOOSE)
        return Address(parsed.kind, parsed.session_id, request.target)

    def is_meant(self, target: str) -> bool:
        """Return whether a recorded request was meant for this API, though it met none of its paths."""
        return self.owns(target)

    def is_body(self, value: object) -> bool:
        """Return whether a JSON value is a body of this API, or several in a list."""
        return False

    def has_event(self, body: bytes) -> bool:
        """Return whether a body looks like one of this API's, however wrong it is."""
        return False

    def session_issued(self, headers: Headers, body: bytes) -> str | None:
        """Return the session id that the response to a start gives out, in whatever form."""
        return None

    def unreadable(self, headers: Headers, body: bytes) -> str | None:
        """Return why clients cannot read the session id in such a response, in words that follow "answered"; None if they can."""
        return None

    def good_status(self, kind: Kind, target: str) -> int:
        """Return the status of a good answer to a start or an event."""
        return 204 if kind is Kind.EVENT else 201

    def refuses_within(self, status: int, body: bytes) -> bool:
        """Return whether an answer of success to a start refuses it all the same."""
        return False

    def error_message(self, body: bytes) -> str:
        """Return what the body of an error says, or "" if it is not in the API's form."""
        return ""

    def readdressed(self, target: str, body: bytes, old: str, new: str) -> tuple[str, bytes]:
        """Return the target and the body of a request that names the session `new` instead of `old`."""
        return target.replace(old, new, 1), body.replace(old.encode(), new.encode(), 1)

    def destination(self, body: object) -> tuple[Kind, str]:
        """Return where a body belongs: the kind of request, and the path, with `SID` for a session id."""
        return Kind.EVENT, self.paths[0].template

    def timed(self, event: object, ts: int) -> object:
        """Return an event of a list, or a whole body, with the time `ts` (ms) filled in, if it has none."""
        return event

    def written(
        self, events: Sequence[Event], session_id: str, account: Account, *, downloaded: bool = False
    ) -> Written:
        """Return the request that says what one event says; or all events of a downloaded session, from its start on.

        Raises ValueError if requests of this API cannot be written.
        """
        raise ValueError(f"requests of {self.name} cannot be written")

    def params_of(self, event_type: str) -> Mapping[str, bool]:
        """Return the params that an event type knows by name, and whether it must have each."""
        return {}

    # -- its description ------------------------------------------------------------------------------------------------

    def operations(self) -> Iterable[Operation]:
        """Return each method of each path."""
        return ()

    def schemas(self) -> Mapping[str, Schema]:
        """Return the schemas that the operations refer to, by the name in `#/components/schemas/`."""
        return {}
