"""Where each entry of a long HAR stands in its file: it is read entry by entry, and never as a whole.

Only the plain case is answered: one JSON object whose `log` has one array of `entries`. Of anything else, and of a file that ends
too soon, nothing is said: whoever reads it as a whole knows what is wrong with it.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from mcmock.core import clock, json_decoding

CHUNK: Final = 256 * 1024
"""Bytes that are read at once; where a single value is longer, as many again as there are."""

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_decode: Final = json.JSONDecoder().raw_decode


class Index(NamedTuple):
    """The entries of a HAR: where each begins and ends in the file, in bytes, and when it was sent, in seconds since the epoch.

    `document` is all else that stands in the file; its `entries` are empty.
    """

    begins: array[int]
    ends: array[int]
    starts: array[float]
    document: dict[str, Any]

    def in_time(self) -> list[int] | range:
        """Return the places of the entries in order of time."""
        places = range(len(self.starts))
        if all(self.starts[place] <= self.starts[place + 1] for place in places[:-1]):
            return places
        return sorted(places, key=self.starts.__getitem__)

    def read(self, file: BinaryIO, place: int) -> Any:
        """Return the JSON value of an entry."""
        file.seek(self.begins[place])
        return json_decoding.loads(file.read(self.ends[place] - self.begins[place]))


def index(file: BinaryIO) -> Index | None:
    """Return where the entries stand in a HAR that is read from here on; None if it is anything but a plain one."""
    try:
        return _Reader(file).document()
    except (ValueError, RecursionError, _Unusual):
        return None


class _Unusual(Exception):
    """It is no plain HAR."""


class _Reader:
    """A file of JSON, read in parts. Each byte is a character here, so that places are those of bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = file.tell()  # bytes in front of the text
        self._text, self._at = "", 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._begins, self._ends, self._starts = array("Q"), array("Q"), array("d")

    def document(self) -> Index:
        whole = self._members({"log": self._log})
        if self._next():
            raise _Unusual("something stands behind the document")
        if not isinstance(whole.get("log"), dict) or "entries" not in whole["log"]:
            raise _Unusual("it has no log with entries")
        return Index(self._begins, self._ends, self._starts, whole)

    def _log(self) -> Any:
        return self._members({"entries": self._entries}) if self._next() == "{" else self._value()

    def _entries(self) -> list[Any]:
        for begin, end, entry in self._elements():
            self._begins.append(begin)
            self._ends.append(end)
            self._starts.append(_started(entry))
        return []

    def _members(self, known: dict[str, Any]) -> dict[str, Any]:
        """Return an object; the values of `known` keys are read by what stands there."""
        self._expect("{")
        members: dict[str, Any] = {}
        while self._next() != "}":
            if members:
                self._expect(",")
            if self._next() != '"':
                raise _Unusual("a key is missing")
            key = self._value()
            if key in members:
                raise _Unusual("a key stands twice")
            self._expect(":")
            members[key] = known.get(key, self._value)()
        self._expect("}")
        return members

    def _elements(self) -> Iterator[tuple[int, int, Any]]:
        """Yield the elements of an array, each with the bytes where it begins and ends."""
        self._expect("[")
        if self._next() != "]":
            while True:
                self._next()
                begin = self._before + self._at
                value = self._value()
                yield begin, self._before + self._at, value
                if self._next() == "]":
                    break
                self._expect(",")
        self._expect("]")

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise _Unusual(f"{character} is missing")
        self._at += 1

    def _next(self) -> str:
        """Return the next character that is no white space, "" at the end."""
        while True:
            found = _BLANK.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        """Return the value that begins here, and stand behind it. Raises ValueError if there is none."""
        self._next()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            if end + 2 < len(self._text) or not self._more():  # of a number the rest may not be here yet: 1 of 1e+5
                self._at = end
                return value

    def _more(self) -> bool:
        """Read on; what is done with is dropped. Return whether there was more. Raises ValueError where it is not UTF-8."""
        rest = self._text[self._at :]
        data = self._file.read(max(CHUNK, len(rest)))
        self._utf8.decode(data, final=not data)
        if not data:
            return False
        self._before += self._at
        self._text, self._at = rest + data.decode("latin-1"), 0
        return True


def _started(entry: Any) -> float:
    """Return when a request was sent; any time where the entry does not say it, which is said of it later."""
    try:
        started = str(entry["startedDateTime"])
        if not started.isascii():
            raise _Unusual("its time is no ASCII")
        return clock.from_iso(started)
    except (KeyError, TypeError, ValueError):
        return 0.0
