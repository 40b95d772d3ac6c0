"""Bodies that are told from one that was judged before by their digits alone, so that the same holds of them.

A player's pings are one text in which the playhead, the time and the quality figures change, and its starts differ in the
number of what is watched. Where nothing that is said of a body rests on those digits, a body with others is not judged again.

Why that is safe:

1. A template is made of a body that was read by the JSON parser, fitted its schema and was not refused. All of its bytes have
   to come again, but for the digits of numbers in `playerTime` and `qoeData`, and those in texts that `values.FREE` names: so
   keys, other texts, nesting and order are the same.
2. A number stays one of its type: an integer of at most 15 digits, or a fraction, as JSON writes them and with no minus.
3. Schemas ask for no more than a type of these numbers (`schemas.is_free`).
4. `lint` looks at two of them, and is asked about them each time: at the bitrate (`lint.of_bitrate`), and at the playhead where
   an ad break names its second (`lint.is_apart`). Of a free text it is asked each time whether it says something
   (`values.is_no_value`), the one thing that is said of it.

tests/protocols/test_templates.py compares what is said with templates and without.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.events import CONTENT_KEYS, content_key
from mcmock.core.findings import findings_of_all, refuses
from mcmock.core.model import Finding, Mode
from mcmock.protocols.base import RecalledEvent
from mcmock.protocols.media_collection import lint, schemas, values

LEARN_AFTER: Final = 3
"""How often bodies of one skeleton come before a template is made, which takes some 0.7 ms."""

MAX_TEMPLATES: Final = 256
"""Templates that are kept, a few kilobytes each; past that, learning starts over."""

MAX_SEEN: Final = 4096
"""Skeletons of which it is counted how often they came; past that, counting starts over."""

MAX_BITRATES: Final = 512
"""Bitrates of which it is remembered what is said."""

MAX_BODY: Final = 2048
"""Bytes of a body that a template is made of."""

_new: Final = tuple.__new__  # half of the price of RecalledEvent(…), on the way of every event
_DIGITS: Final = b"0123456789"
_DIGIT_RUNS: Final = re.compile(rb"[0-9]+")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[^"]', re.DOTALL)
_WHOLE: Final = rb"(?:0|[1-9][0-9]{0,%d})"
_INTEGER: Final = _WHOLE % 14
_NUMBERS: Final = (_INTEGER, _INTEGER + rb"\.[0-9]{1,20}")
_PARTS: Final = ("playerTime", "qoeData")
_USUAL_BITRATE: Final = _WHOLE % (len(str(lint.HIGHEST_KBPS)) - 2)
"""Bitrates of fewer digits than the first of which something is said."""


class Template(NamedTuple):
    """What bodies of a form are: their event's type, and what is found in each beside its bitrate.

    `numbers` are the groups of the pattern that hold the playhead and the time, `high` the one for a bitrate of which there may
    be something to say (0: there is none), and `texts` those for texts of which something may be said, by key. `read_playhead`
    makes a number of a playhead, which stands near `second` in an ad break that names one. `content` stands for what is
    watched; where texts with digits tell that, it is their groups and what stands between them.
    """

    pattern: re.Pattern[bytes]
    numbers: tuple[int, int]
    high: int
    texts: dict[str, int]
    event_type: str
    findings: tuple[Finding, ...]
    read_playhead: type[int] | type[float]
    second: float | None
    content: str | tuple[str | int, ...]


class Templates:
    """The templates of one kind of request in one mode."""

    def __init__(self, mode: Mode) -> None:
        self._known: dict[bytes, Template] = {}
        self._seen: dict[int, int] = {}
        self._of_bitrate = lru_cache(MAX_BITRATES)(partial(_of_bitrate, mode))

    def recall(self, text: bytes) -> RecalledEvent | None:
        """Return what a body says, if there is a template that it fits."""
        template = self._known.get(text.translate(None, _DIGITS))
        if template is None:
            return None
        found = template.pattern.fullmatch(text)
        if found is None:
            return None
        _, numbers, high, texts, event_type, findings, read_playhead, second, content = template
        if high and (bitrate := found[high]) is not None:
            of_bitrate = self._of_bitrate(bitrate)
            if of_bitrate is None:
                return None
            findings = of_bitrate + findings
        if texts and not _are_values(texts, found):
            return None
        if type(content) is tuple:
            content = "/".join([one if type(one) is str else found[one].decode() for one in content])
        digits, ts = found.group(*numbers)
        playhead = read_playhead(digits)
        if second is not None and lint.is_apart(second, playhead):
            return None
        return _new(RecalledEvent, (event_type, playhead, int(ts), findings, content))

    def learn(self, text: bytes, event_type: str, body: dict[str, Any], findings: tuple[Finding, ...]) -> None:
        """Make a template of a body that was judged and not refused, once others like it have come."""
        if len(text) > MAX_BODY:
            return
        skeleton = text.translate(None, _DIGITS)
        number = hash(skeleton)
        seen = self._seen[number] = self._seen.get(number, 0) + 1
        if seen == LEARN_AFTER and (template := _template(text, event_type, body, findings)) is not None:
            if len(self._known) >= MAX_TEMPLATES:
                self._known.clear()
            self._known[skeleton] = template
        if len(self._seen) > MAX_SEEN:
            self._seen.clear()


def _are_values(texts: dict[str, int], found: re.Match[bytes]) -> bool:
    return not any(values.is_no_value(key, found[group].decode().strip()) for key, group in texts.items())


def _of_bitrate(mode: Mode, digits: bytes) -> tuple[Finding, ...] | None:
    """Return what is found in an event because of its bitrate; None if it is refused for it."""
    violations = list(lint.of_bitrate(int(digits)))
    if any(refuses(one.rule, mode) for one in violations):
        return None
    return findings_of_all(violations, mode)


def _template(text: bytes, event_type: str, body: dict[str, Any], findings: tuple[Finding, ...]) -> Template | None:
    if not schemas.fits(event_type, body):
        return None
    tokens = _TOKEN.findall(text)
    if tokens.count(b":") != json_decoding.count_keys(body):
        return None  # a key was sent twice
    pieces = _Pieces(event_type)
    pattern = re.compile(b"".join(map(pieces.pattern, tokens)), re.DOTALL)
    groups = pattern.groupindex
    if "playhead" not in groups or "ts" not in groups or pattern.fullmatch(text) is None:
        return None
    is_odd_bitrate = "high" not in groups and any(one.rule in lint.BY_BITRATE for one in findings)
    if is_odd_bitrate or any(values.is_no_value(key, body["params"][key].strip()) for key in pieces.texts):
        return None
    always = tuple(one for one in findings if one.rule not in lint.BY_BITRATE)
    params, texts = body.get("params", {}), {key: groups[group] for key, group in pieces.texts.items()}
    content: str | tuple[str | int, ...] = content_key(params)
    if event_type == "sessionStart" and not texts.keys().isdisjoint(CONTENT_KEYS):
        content = tuple([texts.get(key) or str(params.get(key)) for key in CONTENT_KEYS])
    texts = {key: group for key, group in texts.items() if not values.is_value_whatever_its_digits(params[key])}
    playhead, second = body["playerTime"]["playhead"], _second_of(event_type, body)
    if second is not None and lint.is_apart(second, playhead):
        return None
    numbers = groups["playhead"], groups["ts"]
    return Template(pattern, numbers, groups.get("high", 0), texts, event_type, always, type(playhead), second, content)


def _second_of(event_type: str, body: dict[str, Any]) -> float | None:
    """Return where an ad break says that it begins, if it does."""
    return body.get("params", {}).get("media.ad.podSecond") if event_type == "adBreakStart" else None


class _Pieces:
    """Makes the pattern of each token of a body, which is known to be JSON, in their order."""

    def __init__(self, event_type: str) -> None:
        self.texts: dict[str, str] = {}
        self._event_type = event_type
        self._depth, self._latest, self._is_value = 0, b"", False
        self._keys = [b"", b"", b""]  # those that the token stands behind, by depth

    def pattern(self, token: bytes) -> bytes:
        if token in (b"{", b"["):
            self._depth += 1
        elif token in (b"}", b"]"):
            self._depth -= 1
        elif token == b":" and self._depth <= 2:
            self._keys[self._depth] = self._latest
        elif token[:1] == b'"':
            self._latest = token[1:-1]
        is_value, self._is_value = self._is_value, token == b":" or (self._is_value and token.isspace())
        varied = None
        if is_value and self._depth == 2:
            varied = self._varied(self._keys[1].decode(), self._keys[2].decode(), token)
        return re.escape(token) if varied is None else varied

    def _varied(self, part: str, key: str, token: bytes) -> bytes | None:
        """Return the pattern of a value that may be another one; None where it has to be the same."""
        if not schemas.is_free(self._event_type, part, key):
            return None
        if part == "params":
            return self._text(key, token) if key in values.FREE and token[:1] == b'"' else None
        if part not in _PARTS:
            return None
        written = next((one for one in _NUMBERS if re.fullmatch(one, token)), None)
        if written is not None and key in ("playhead", "ts"):
            return b"(?P<%b>%b)" % (key.encode(), written)
        if written is _INTEGER and key == lint.BITRATE:
            return b"(?:%b|(?P<high>%b))" % (_USUAL_BITRATE, _INTEGER)
        return written

    def _text(self, key: str, token: bytes) -> bytes | None:
        if b"\\" in token or not any(digit in _DIGITS for digit in token):
            return None
        self.texts[key] = group = f"text{len(self.texts)}"
        kept = b"[0-9]{1,20}".join(map(re.escape, _DIGIT_RUNS.split(token[1:-1])))
        return b'"(?P<%b>%b)"' % (group.encode(), kept)
