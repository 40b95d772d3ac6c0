"""From bytes to a JSON value, the same way whichever parser is installed.

`orjson`, where Python is CPython, only ever answers the plain case; whatever it refuses, or could read differently, is read again
by the standard library, whose answer stands. So the parser changes the time a body takes and never what becomes of it.

Refused, each with a sentence that says why: text that is not UTF-8 (a byte order mark included), numbers JSON does not
have (NaN, Infinity) or no float can hold (1e400), lone surrogates, and nesting deeper than `MAX_DEPTH`. An integer that
64 bits cannot hold is read as a float, and so is none for a schema that asks for an integer.

`plain` asks the same of a value that came by another way: from TOML, from YAML, or from Python itself.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NoReturn

from mcmock.core import turns

try:
    import orjson
except ImportError:  # not a CPython
    orjson = None  # type: ignore[assignment]

MAX_DEPTH = 64
"""Levels of nesting we follow. The deepest body this API knows has five."""

LONG = 64 * 1024
"""Bytes from which on a text is looked through in turns, where turns are taken."""

_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BadJson(ValueError):
    """The bytes are no JSON value we can hold; `str()` of it is one sentence for the client."""


def decode(text: bytes) -> Any:
    """Return the value of `text`. Raises BadJson."""
    try:
        value = _decode_slowly(text) if orjson is None else orjson.loads(text)
    except BadJson:
        raise
    except ValueError:
        value = _decode_slowly(text)
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def loads(text: bytes) -> Any:
    """Return what `json.loads` does, of UTF-8 that may be long. Raises json.JSONDecodeError, UnicodeDecodeError, RecursionError.

    An integer that 64 bits cannot hold may be a float.
    """
    if orjson is not None:
        try:
            return orjson.loads(text)
        except ValueError:
            pass  # which the standard library reads, or says what is wrong with it
    return json.loads(text.decode())


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON has it: its mappings are dicts, its sequences and sets are lists.

    Raises ValueError, in words that follow "it holds", for what JSON cannot hold, or we cannot.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels of nesting")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
        raise ValueError("a number that 64 bits cannot hold")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value}, which is no JSON number")
    if value is not None and not isinstance(value, int | float):
        raise ValueError(f"a {type(value).__name__}, which JSON does not know")
    return value


def json_path(keys: Iterable[str | int], at: str = "$") -> str:
    """Return a path such as `$.params['media.ad.id']`: names in brackets where a dot in them would mislead."""
    for key in keys:
        if isinstance(key, int):
            at += f"[{key}]"
        else:
            at += f".{key}" if re.fullmatch(r"\w+", key) else f"['{key}']"
    return at


def duplicate_keys(text: bytes) -> list[str]:
    """Return the keys that occur twice in one object of `text`, which must be valid JSON; of each pair the last one counted."""
    doubles: list[str] = []

    def gather(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            times = Counter(name for name, _ in pairs)
            doubles.extend(name for name in result if times[name] > 1)
        return result

    def gather_in_turns(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        turns.pause()
        return gather(pairs)

    json.loads(text, object_pairs_hook=gather if len(text) <= LONG else gather_in_turns)
    return doubles


def count_keys(value: Any) -> int:
    """Return how many keys all objects of a value have."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    count = len(value) if isinstance(value, dict) else 0
    for item in inner:
        if isinstance(item, dict | list):
            count += count_keys(item)
    return count


def _decode_slowly(text: bytes) -> Any:
    if not text:
        raise BadJson("the body is empty")
    if other := _other_text(text):
        raise BadJson(other)
    try:
        value = _decoder.decode(text.decode())
    except UnicodeDecodeError as error:
        raise BadJson(f"the body is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"the body is not JSON: {_lower_first(error.msg)} at character {error.pos}") from None
    except RecursionError:
        raise _too_deep() from None
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _other_text(text: bytes) -> str | None:
    """Return what these bytes are instead of JSON in UTF-8, as far as their beginning tells."""
    if text.startswith(b"\xef\xbb\xbf"):
        return "the body begins with a byte order mark, which JSON has no place for"
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text[:2]:
        return "the body is not UTF-8 text: it looks like UTF-16 or UTF-32"
    if text.startswith(b"\x1f\x8b"):
        return "the body is not UTF-8 text: it looks like gzip"
    return None


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _integer(digits: str) -> int | float:
    """As orjson reads it: what 64 bits cannot hold becomes a float."""
    if len(digits) <= 20 and _MIN_INT <= (value := int(digits)) <= _MAX_INT:
        return value
    return _float(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise BadJson(f"the body holds a number too large to represent ({digits[:20]})")
    return value


def _constant(name: str) -> NoReturn:
    raise BadJson(f"the body holds {name}, which is no JSON number")


_decoder = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadJson("the body holds half of a surrogate pair, which is not a character") from None
    except RecursionError:
        raise _too_deep() from None


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [item for item in turns.paused(level) if isinstance(item, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        inside = (item.values() if isinstance(item, dict) else item for item in turns.paused(level))
        level = [inner for values in inside for inner in values]


def _too_deep() -> BadJson:
    return BadJson(f"the body is nested deeper than {MAX_DEPTH} levels")
