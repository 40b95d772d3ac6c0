"""What is worth saying about a body that fits its schema: one small function per rule, one table of who is asked when.

It sees one body and nothing else: what takes the session to know is found in processing order, by `mcmock.analytics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mcmock.core.json_decoding import json_path
from mcmock.protocols.media_collection import values
from mcmock.protocols.media_collection.schemas import Violation

Body = dict[str, Any]
Advisor = Callable[[Body], Iterator[Violation]]

METADATA_EVENTS = ("sessionStart", "adStart", "chapterStart")
ERROR_SOURCES = ("player", "external")
RESERVED_PREFIXES = ("a.", "media.")
HIGHEST_KBPS = 100_000
BITRATE = "media.qoe.bitrate"

BY_BITRATE = ("bitrate-in-bits",)
"""What is said because of the bitrate."""

# Lower case to the spellings in use: the documentation's table and the web SDKs, then its prose and the mobile SDKs.
STANDARD_STATES = {
    "fullscreen": ("fullScreen", "fullscreen"),
    "closedcaptioning": ("closedCaptioning", "closedcaptioning"),
    "mute": ("mute",),
    "pictureinpicture": ("pictureInPicture", "pictureinpicture"),
    "infocus": ("inFocus", "infocus"),
}


def advise(event_type: str, body: Body) -> list[Violation]:
    """Return everything to say about `body`, a valid body of `event_type`."""
    found: list[Violation] = []
    if "qoeData" in body:
        found += of_bitrate(body["qoeData"].get(BITRATE, 0))
    if "customMetadata" in body:
        found += _metadata(event_type, body["customMetadata"])
        found += values.check_metadata(body["customMetadata"])
    if "params" in body:
        found += values.check_texts("params", body["params"])
        for advisor in _BY_PARAMS.get(event_type, ()):
            found += advisor(body)
    for advisor in _ALWAYS.get(event_type, ()):
        found += advisor(body)
    return found


def is_silent(event_type: str, body: Body) -> bool:
    """Return whether `advise` surely has nothing to say; false means: ask it."""
    if "customMetadata" in body or event_type in _ALWAYS or ("params" in body and event_type in _BY_PARAMS):
        return False
    return "qoeData" not in body or body["qoeData"].get(BITRATE, 0) <= HIGHEST_KBPS


def _param(rule: str, key: str, message: str) -> Violation:
    return Violation(rule, json_path(("params", key)), f"params.{key} {message}")


def of_bitrate(bitrate: float) -> Iterator[Violation]:
    """Yield what there is to say about an event's bitrate."""
    if bitrate > HIGHEST_KBPS:
        path = json_path(("qoeData", BITRATE))
        yield Violation(
            "bitrate-in-bits",
            path,
            f"qoeData.media.qoe.bitrate is {bitrate}: bits per second, as the API's request parameters ask? The page "
            "variables/quality/bitrate asks for kilobits, and so does the report",
        )


def _metadata(event_type: str, metadata: Body) -> Iterator[Violation]:
    if event_type not in METADATA_EVENTS:
        rule = "metadata-on-wrong-event" if metadata else "empty-metadata-on-wrong-event"
        where = ", ".join(METADATA_EVENTS)
        message = f"customMetadata on {event_type}, but it belongs to {where}: it is dropped; the event counts"
        yield Violation(rule, "$.customMetadata", message)
    for key in metadata:
        if key.startswith(RESERVED_PREFIXES):
            path = json_path(("customMetadata", key))
            yield Violation("reserved-metadata-prefix", path, f"customMetadata.{key} starts with a reserved prefix")


def _session_start(body: Body) -> Iterator[Violation]:
    params = body["params"]
    yield from values.check_session_start(params)
    length = params.get("media.length")
    if length is not None and length <= 0:
        yield _param(
            "length-not-positive", "media.length", f"is {length}: no progress markers, no average minute audience"
        )
    if not params.get("media.id", True):
        yield _param("media-id-empty", "media.id", "is empty: reporting drops the whole session")
    if "media.streamType" not in params:
        yield _param("stream-type-missing", "media.streamType", "is missing; one page of the documentation requires it")


def _ad_start(body: Body) -> Iterator[Violation]:
    params = body["params"]
    if "media.ad.podFriendlyName" in params:
        yield _param("pod-friendly-name-in-ad-start", "media.ad.podFriendlyName", "belongs to adBreakStart")
    if params.get("media.ad.id") == "":
        yield _param("ad-id-empty", "media.ad.id", "is empty: reporting drops this ad")
    if params.get("media.ad.podPosition", 1) < 1:
        yield _param(
            "pod-position-base", "media.ad.podPosition", f"is {params['media.ad.podPosition']}; positions count from 1"
        )


def _ad_break_start(body: Body) -> Iterator[Violation]:
    params, playhead = body["params"], body["playerTime"].get("playhead")
    if params.get("media.ad.podIndex", 0) < 0:
        yield _param(
            "pod-index-base", "media.ad.podIndex", f"is {params['media.ad.podIndex']}; breaks count from 0 or 1"
        )
    second = params.get("media.ad.podSecond", playhead)
    if isinstance(second, int | float) and isinstance(playhead, int | float) and is_apart(second, playhead):
        yield _param("pod-second-differs", "media.ad.podSecond", f"is {second}, but the playhead stands at {playhead}")


def is_apart(second: float, playhead: float) -> bool:
    """Return whether an ad break begins elsewhere than where the playhead stands."""
    return abs(second - playhead) > 1


def _error_params(body: Body) -> Iterator[Violation]:
    for key in ("media.errorId", "media.errorSource"):
        if key in body["params"]:
            yield _param("error-id-in-params", key, "is read from qoeData.media.qoe.errorID and errorSource")


def _error(body: Body) -> Iterator[Violation]:
    qoe, params = body.get("qoeData", {}), body.get("params", {})
    yield from values.check_texts("qoeData", qoe)
    if "media.qoe.errorID" not in qoe and "media.errorId" not in params:
        yield Violation("error-without-id", "$.qoeData", "qoeData.media.qoe.errorID is missing: the error has no name")
    source = qoe.get("media.qoe.errorSource", params.get("media.errorSource", ERROR_SOURCES[0]))
    if source not in ERROR_SOURCES:
        path = json_path(("qoeData", "media.qoe.errorSource"))
        yield Violation(
            "error-source-unknown", path, f"qoeData.media.qoe.errorSource is {source!r}, not player or external"
        )


def _ping(body: Body) -> Iterator[Violation]:
    if not body["params"]:
        yield Violation("empty-params-on-ping", "$.params", "params is empty; a ping carries none at all")


def _state(body: Body) -> Iterator[Violation]:
    yield from _state_name(body["params"].get("media.state.name"))


def _states_update(body: Body) -> Iterator[Violation]:
    yield Violation("states-update", "$.eventType", "eventType statesUpdate is missing from the API's specification")
    for key in ("statesStart", "statesEnd"):
        for state in body["params"].get(key, ()):
            yield from _state_name(state.get("media.state.name"))


def _state_name(name: object) -> Iterator[Violation]:
    known = STANDARD_STATES.get(name.lower()) if isinstance(name, str) else None
    if known and name not in known:
        yield Violation(
            "state-name-spelling", json_path(("params", "media.state.name")),
            f"params.media.state.name is {name!r}; the standard state is spelled {' or '.join(known)}",
        )  # fmt: skip


_BY_PARAMS: dict[str, tuple[Advisor, ...]] = {
    "sessionStart": (_session_start,),
    "adBreakStart": (_ad_break_start,),
    "adStart": (_ad_start,),
    "chapterStart": (),  # beside its texts
    "error": (_error_params,),
    "ping": (_ping,),
    "stateStart": (_state,),
    "stateEnd": (_state,),
    "statesUpdate": (_states_update,),
}
_ALWAYS: dict[str, tuple[Advisor, ...]] = {"error": (_error,)}
