"""Values whose form is known, though the schema takes any text: ids, hosts, dates, types, and what was meant to be replaced.

It sees one body that fits its schema. Params that may hold any text are looked at for placeholders only.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from mcmock.core.events import VISITOR_KEYS
from mcmock.core.json_decoding import json_path
from mcmock.core.wording import nearest
from mcmock.protocols.json_schema import sent_phrase
from mcmock.protocols.media_collection.schemas import Violation

ECID_KEY: Final = "visitor.marketingCloudUserId"
ORG_ID: Final = re.compile(r"[0-9A-Fa-f]{24}@AdobeOrg")
ECID: Final = re.compile(r"[0-9]{38}")
SUITES: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}(,[A-Za-z0-9_.-]{1,40})*")
APP_LIBRARY: Final = re.compile(r"(and|aep|ios|tvos|swift|kotlin|roku|react|flutter|unity|xbox)", re.IGNORECASE)
HOST: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+(:[0-9]{1,5})?")
COLLECTION_HOSTS: Final = re.compile(r"(^|\.)hb(-api)?\.omtrdc\.net$|(^|\.)edge\.adobedc\.net$", re.IGNORECASE)

VIDEO_TYPES: Final = ("vod", "live", "linear", "ugc", "dvod")
AUDIO_TYPES: Final = ("podcast", "audiobook", "aod", "radio", "song")
EITHER_TYPES: Final = frozenset({"live", "linear", "podcast"})  # with pictures or without
STREAM_TYPES: Final = ("video", "audio")
MEANT: Final = {
    # what is sent instead         the content type that is meant
    "video": "vod", "movie": "vod", "film": "vod", "episode": "vod", "clip": "vod", "ondemand": "vod", "on-demand": "vod",
    "videoondemand": "vod", "video on demand": "vod", "catchup": "vod", "vodvideo": "vod", "livestream": "live",
    "live-stream": "live", "livevideo": "live", "simulcast": "linear", "channel": "linear", "audio": "aod", "music": "song",
    "track": "song", "audiodemand": "aod", "book": "audiobook",
}  # fmt: skip

SHOW_TYPES: Final = {"0": "full episode", "1": "preview or trailer", "2": "clip", "3": "other"}
DATE_KEYS: Final = ("media.firstAirDate", "media.firstDigitalDate")
REQUIRED_KEYS: Final = frozenset({
    "analytics.trackingServer", "analytics.reportSuite", "visitor.marketingCloudOrgId", "media.contentType",
    "media.playerName", "media.channel", "media.ad.playerName",
})  # fmt: skip
ID_KEYS: Final = frozenset({
    *REQUIRED_KEYS, *VISITOR_KEYS, "media.id", "media.ad.id", "media.assetId", "media.qoe.errorID", "media.errorId",
})  # fmt: skip
HAVE_RULES: Final = frozenset({"media.id", "media.ad.id"})  # media-id-empty and ad-id-empty say what their loss is

FREE: Final = frozenset({"media.id", "media.name", "media.ad.id", "media.ad.name"})
"""Params of which nothing is asked but that they are a value, and not empty."""

NEVER_MEANT: Final = frozenset({
    "undefined", "null", "(null)", "nil", "nan", "[object object]", "[object undefined]", "[object null]", "optional(nil)",
    "infinity", "-infinity", "todo", "tbd", "fixme", "changeme", "change_me", "placeholder", "lorem ipsum", "n/a",
})  # fmt: skip
WORDS: Final = frozenset({"n/a", "infinity", "placeholder"})  # of these, what metadata may well say
NO_ID: Final = frozenset(
    {"unknown", "none", "na", "n.a.", "-", "--", "?", "empty", "default", "false", "true", "0", "-1"}
)
TEMPLATE: Final = re.compile(
    r"\[(?:YOUR|INSERT|ENTER|ADD|REPLACE|MY|THE)?[ _-]?[A-Z0-9 _-]{2,}\]"  # [YOUR_ORG_ID]
    r"|<[A-Za-z][A-Za-z0-9 _.-]*>"  # <org id>
    r"|\{\{?[^{}]*\}?\}|\$\{[^{}]*\}|\$\([^()]*\)"  # {orgId}, {{orgId}}, ${orgId}, $(ORG)
    r"|%[A-Z][A-Z0-9_]*%|%[sdf@]|%\([a-z_]+\)[sd]|#\{[^{}]*\}|@@?[A-Z_]{3,}@@?|__[A-Z0-9_]{2,}__"
    r"|(?:YOUR|INSERT|ENTER|REPLACE)[ _-][A-Za-z0-9 _-]+|(?:your|insert|replace)[_-][a-z0-9_-]+"
)
OBJECT_TEXT: Final = re.compile(r"\[object [A-Z]\w*\]|[\w.$]+@[0-9a-f]{6,8}|Optional\(.*\)|<\w+: 0x[0-9a-f]+>")


def check_session_start(params: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield what is odd about the values of a sessionStart, beside placeholders."""
    yield from _org_id(params)
    yield from _tracking_server(params)
    yield from _report_suite(params)
    yield from _visitor_id(params)
    yield from _types(params)
    yield from _dates(params)
    yield from _show(params)


def check_texts(part: str, values: Mapping[str, Any]) -> Iterator[Violation]:
    """Placeholders and empty strings among the values of params or qoeData."""
    for key, value in values.items():
        text = value.strip() if isinstance(value, str) else "a number"
        if not text:
            yield from _empty(part, key)
        elif is_no_value(key, text):
            message = f"{part}.{key} is {sent_phrase(value)}: a placeholder, which reports take for a value"
            yield Violation("placeholder", json_path((part, key)), message)


def check_metadata(metadata: Mapping[str, Any]) -> Iterator[Violation]:
    """Placeholders among custom metadata, where any word may be meant."""
    for key, value in metadata.items():
        if isinstance(value, str) and value.strip().casefold() not in WORDS and is_placeholder(value.strip()):
            message = f"customMetadata.{key} is {sent_phrase(value)}: a placeholder, which reports take for a value"
            yield Violation("placeholder-in-metadata", json_path(("customMetadata", key)), message)


def is_no_value(key: str, text: str) -> bool:
    """Return whether what stands at `key`, without the spaces around it, is no value that somebody meant."""
    return is_placeholder(text) or (key in ID_KEYS and text.casefold() in NO_ID)


def is_value_whatever_its_digits(text: str) -> bool:
    """Return whether `text`, and every text that differs from it in digits alone, is surely a value."""
    shape = text.translate(_NO_DIGITS).strip()
    return shape.casefold() not in _SHAPES and _MAY_BE_TEMPLATE.search(shape) is None


_NO_DIGITS: Final = dict.fromkeys(map(ord, "0123456789"))
_SHAPES: Final = frozenset(one.translate(_NO_DIGITS) for one in (*NEVER_MEANT, *NO_ID))
# What each form of TEMPLATE and of OBJECT_TEXT has, wherever digits stand in it.
_MAY_BE_TEMPLATE: Final = re.compile(r"[\[<{$%#@]|__|your|insert|enter|replace|optional\(", re.IGNORECASE)


def is_placeholder(text: str) -> bool:
    """Return whether `text` stands where a value was meant, whatever may be meant."""
    return _is_known_placeholder(text) if len(text) <= LONGEST_KEPT else _looks_like_one(text)


def _looks_like_one(text: str) -> bool:
    known = text.casefold() in NEVER_MEANT
    return known or TEMPLATE.fullmatch(text) is not None or OBJECT_TEXT.fullmatch(text) is not None


_is_known_placeholder: Final = lru_cache(4096)(_looks_like_one)
LONGEST_KEPT: Final = 100
"""Characters of a text of which it is remembered whether it is a placeholder: 4,096 of them are about a megabyte."""


def _empty(part: str, key: str) -> Iterator[Violation]:
    if key in HAVE_RULES:
        return
    path = json_path((part, key))
    if key in REQUIRED_KEYS:
        yield Violation("required-value-empty", path, f"{part}.{key} is empty, although it is required")
    elif key in VISITOR_KEYS:
        yield Violation("visitor-id-empty", path, f"{part}.{key} is empty: nobody watches; leave the key out")
    else:
        yield Violation("value-empty", path, f"{part}.{key} is empty; leave the key out")


def _param(rule: str, key: str, message: str) -> Violation:
    return Violation(rule, json_path(("params", key)), f"params.{key} {message}")


def _text(params: Mapping[str, Any], key: str) -> str:
    """Return the text of a param that is worth a look at its form; empty where others say what is wrong with it."""
    value = params.get(key)
    text = value if isinstance(value, str) else ""
    bare = text.strip()
    return "" if not bare or is_placeholder(bare) or (key in ID_KEYS and bare.casefold() in NO_ID) else text


def _org_id(params: Mapping[str, Any]) -> Iterator[Violation]:
    key = "visitor.marketingCloudOrgId"
    sent = _text(params, key)
    if not sent or ORG_ID.fullmatch(sent):
        return
    if ECID.fullmatch(sent):
        why = "is 38 digits, the form of a viewer's ECID"
    elif "%40" in sent:
        why = "is URL-encoded"
    elif ORG_ID.fullmatch(sent.strip()):
        why = "has spaces around it"
    elif re.fullmatch(r"[0-9A-Fa-f]{24}", sent):
        why = "lacks its end, @AdobeOrg"
    elif ORG_ID.fullmatch(sent[: sent.find("@")] + "@AdobeOrg") and "@" in sent:
        why = f"ends in {sent[sent.find('@') :]}, not in @AdobeOrg"
    else:
        why = f"is {sent_phrase(sent)}"
    yield _param("org-id-form", key, f"{why}; an organization's id is 24 hexadecimal digits and @AdobeOrg")


def _tracking_server(params: Mapping[str, Any]) -> Iterator[Violation]:
    key = "analytics.trackingServer"
    sent = _text(params, key)
    host = re.split(r"[/?#]", sent, maxsplit=1)[0]
    if not sent:
        return
    if "://" in sent or sent.startswith("//"):
        yield _param("tracking-server-form", key, f"is {sent_phrase(sent)}; a host is meant, without a scheme")
    elif COLLECTION_HOSTS.search(host):
        yield _param("tracking-server-form", key, f"is the collection server {host}; that of Analytics is meant")
    elif not HOST.fullmatch(host):
        yield _param("tracking-server-form", key, f"is {sent_phrase(sent)}, which is not the name of a host")


def _report_suite(params: Mapping[str, Any]) -> Iterator[Violation]:
    key = "analytics.reportSuite"
    sent = _text(params, key)
    if sent and not SUITES.fullmatch(sent):
        yield _param("report-suite-form", key, f"is {sent_phrase(sent)}; ids of report suites have no such characters")


def _visitor_id(params: Mapping[str, Any]) -> Iterator[Violation]:
    if ECID_KEY not in params and _is_app(params):
        yield _param(
            "visitor-id-missing", ECID_KEY,
            "was not sent: the API takes that, but an app has no cookie, and its views are not joined to the viewer's visits",
        )  # fmt: skip
    sent = _text(params, ECID_KEY)
    if not sent or ECID.fullmatch(sent):
        return
    if sent.endswith("@AdobeOrg"):
        why = "is the form of an organization's id"
    elif sent.isascii() and sent.isdigit():
        why = f"has {len(sent)} digits"
    else:
        why = f"is {sent_phrase(sent)}"
    yield _param("visitor-id-form", ECID_KEY, f"{why}; an ECID has 38 digits, and others are nobody's")


def _is_app(params: Mapping[str, Any]) -> bool:
    """Return whether a sessionStart says that it comes from an app: a browser knows its visitor by a cookie."""
    library = params.get("media.libraryVersion")
    return bool(params.get("appInstallationId")) or (
        isinstance(library, str) and APP_LIBRARY.match(library) is not None
    )


def _types(params: Mapping[str, Any]) -> Iterator[Violation]:
    content, stream = _text(params, "media.contentType"), _text(params, "media.streamType")
    kind, medium = content.strip().lower(), stream.strip().lower()
    if content and kind not in (*VIDEO_TYPES, *AUDIO_TYPES):
        yield _unknown_type("media.contentType", content, MEANT.get(kind), (*VIDEO_TYPES, *AUDIO_TYPES))
    if stream and medium not in STREAM_TYPES:
        meant = "audio" if kind in AUDIO_TYPES else "video"
        known = medium in (*VIDEO_TYPES, *AUDIO_TYPES)
        yield _unknown_type("media.streamType", stream, meant if known else None, STREAM_TYPES)
    usual = "audio" if kind in AUDIO_TYPES else "video"
    if kind in (*VIDEO_TYPES, *AUDIO_TYPES) and kind not in EITHER_TYPES and medium in STREAM_TYPES and medium != usual:
        message = f"is {medium}, but the content type {kind} is {usual}"
        yield _param("stream-type-differs", "media.streamType", message)


def _unknown_type(key: str, sent: str, meant: str | None, known: tuple[str, ...]) -> Violation:
    close = meant or nearest(sent.strip().lower(), known, 0.7)
    listed = ", ".join(known)
    if close is None:
        return _param("type-not-documented", key, f"is {sent_phrase(sent)}; documented are {listed}")
    return _param("type-misspelt", key, f"is {sent_phrase(sent)}; was {close} meant? Documented are {listed}")


def _dates(params: Mapping[str, Any]) -> Iterator[Violation]:
    for key in DATE_KEYS:
        sent = _text(params, key)
        if sent and not _is_date(sent):
            yield _param("date-form", key, f"is {sent_phrase(sent)}; a date is meant, as YYYY-MM-DD")


def _is_date(text: str) -> bool:
    parts = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text, re.ASCII)
    if parts is None:
        return False
    year, month, day = map(int, parts.groups())
    return year > 0 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _show(params: Mapping[str, Any]) -> Iterator[Violation]:
    sent = _text(params, "media.showType")
    if sent and sent not in SHOW_TYPES:
        listed = ", ".join(f"{code} ({meaning})" for code, meaning in SHOW_TYPES.items())
        yield _param("show-type-unknown", "media.showType", f"is {sent_phrase(sent)}; documented are {listed}")
    part = _text(params, "media.dayPart")
    if part and re.fullmatch(r"\d{5,}(\.\d+)?|\d{4}-\d\d.*|\d{1,2}:\d\d.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*", part):
        message = f"is {sent_phrase(part)}; a part of the day is meant, such as Morning, not a moment"
        yield _param("day-part-form", "media.dayPart", message)
