"""Bodies that are told from one that was judged before by their numbers alone, so that the same holds of them.

A player's pings are one text in which the playhead, the time and the quality figures change. Where nothing that is said of a
body rests on those numbers, a body with other numbers in the same places is not judged again.

Why that is safe:

1. A template is made of a body that was read by the JSON parser, fitted its schema and was not refused. All of its bytes but
   the digits of numbers in `playerTime` and `qoeData` have to come again: so keys, texts, nesting and order are the same.
2. A number stays one of its type: an integer of at most 15 digits, or a fraction, as JSON writes them and with no minus.
3. Schemas ask for no more than a type of these numbers (`schemas.is_free`).
4. `lint` looks at two of them: at the bitrate, which it is asked about each time (`lint.of_bitrate`), and at the playhead of
   the events in `lint.BY_TIME`, of which no template is made.

tests/protocols/test_templates.py compares what is said with templates and without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from mcmock.core.findings import make_finding, refuses
from mcmock.core.model import Finding, Mode
from mcmock.protocols.base import RecalledEvent
from mcmock.protocols.media_collection import lint, schemas

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

_DIGITS: Final = b"0123456789"
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[^"]', re.DOTALL)
_WHOLE: Final = rb"(?:0|[1-9][0-9]{0,%d})"
_INTEGER: Final = _WHOLE % 14
_NUMBERS: Final = (_INTEGER, _INTEGER + rb"\.[0-9]{1,20}")
_PARTS: Final = ("playerTime", "qoeData")
_NAMED: Final = {"playhead": "playhead", "ts": "ts", lint.BITRATE: "bitrate"}
"""The numbers that are read, and the groups of a pattern that are theirs."""


class Template(NamedTuple):
    """What bodies of a form are: their event's type, and what is found in each beside its bitrate.

    `numbers` are the groups of the pattern: playhead, time and, where there is one, bitrate. `read_playhead` makes a number of
    the first. `body` is the one that the template was made of: its numbers are not those of the others.
    """

    pattern: re.Pattern[bytes]
    numbers: tuple[str, ...]
    event_type: str
    findings: tuple[Finding, ...]
    read_playhead: type[int] | type[float]
    body: dict[str, Any]


class Templates:
    """The templates of one kind of request in one mode."""

    def __init__(self, mode: Mode) -> None:
        self._known: dict[bytes, Template] = {}
        self._seen: dict[int, int] = {}
        self._of_bitrate = lru_cache(MAX_BITRATES)(partial(_of_bitrate, mode))

    def recall(self, text: bytes) -> RecalledEvent | None:
        """Return what a body is, if there is a template that it fits."""
        template = self._known.get(text.translate(None, _DIGITS))
        if template is None:
            return None
        found = template.pattern.fullmatch(text)
        if found is None:
            return None
        playhead, ts, *bitrate = found.group(*template.numbers)
        findings: tuple[Finding, ...] | None = template.findings
        if bitrate and (of_bitrate := self._of_bitrate(bitrate[0])) != ():
            findings = of_bitrate and of_bitrate + template.findings
        if findings is None:
            return None
        return RecalledEvent(template.event_type, template.read_playhead(playhead), int(ts), findings, template.body)

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


def _of_bitrate(mode: Mode, digits: bytes) -> tuple[Finding, ...] | None:
    """Return what is found in an event because of its bitrate; None if it is refused for it."""
    violations = list(lint.of_bitrate(int(digits)))
    if any(refuses(one.rule, mode) for one in violations):
        return None
    return tuple(filter(None, (make_finding(one.rule, mode, one.path, one.message) for one in violations)))


def _template(text: bytes, event_type: str, body: dict[str, Any], findings: tuple[Finding, ...]) -> Template | None:
    if event_type in lint.BY_TIME or not schemas.fits(event_type, body):
        return None
    pattern = re.compile(b"".join(_pieces(text, event_type)), re.DOTALL)
    if not {"playhead", "ts"} <= set(pattern.groupindex) or pattern.fullmatch(text) is None:
        return None
    numbers = tuple(name for name in _NAMED.values() if name in pattern.groupindex)
    always = tuple(one for one in findings if one.rule not in lint.BY_BITRATE)
    return Template(pattern, numbers, event_type, always, type(body["playerTime"]["playhead"]), body)


def _pieces(text: bytes, event_type: str) -> Iterator[bytes]:
    """Yield the pattern of each token of a body, which is known to be JSON."""
    depth, latest = 0, b""
    keys = [b"", b"", b""]  # those that the token stands behind, by depth
    for token in _TOKEN.findall(text):
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
        elif token == b":" and depth <= 2:
            keys[depth] = latest
        elif token[:1] == b'"':
            latest = token[1:-1]
        number = _number(event_type, keys[1].decode(), keys[2].decode(), token) if depth == 2 else None
        yield re.escape(token) if number is None else number


def _number(event_type: str, part: str, key: str, token: bytes) -> bytes | None:
    """Return the pattern of a number that may be another one; None where the token is no such number."""
    if part not in _PARTS or not schemas.is_free(event_type, part, key):
        return None
    written = next((one for one in _NUMBERS if re.fullmatch(one, token)), None)
    name = _NAMED.get(key)
    return written and (b"(?P<%b>%b)" % (name.encode(), written) if name is not None else written)
