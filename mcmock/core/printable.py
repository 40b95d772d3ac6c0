"""Text from outside as people may safely be shown it: the one place that decides what a terminal, a log or a report gets.

What would end a line, move a cursor, turn the direction of writing or hide is written as an escape (`\\n`, `\\u001b`, `\\u202e`).
Letters and signs of any script stay as they are. It knows no sink: each hands its text in before it lays it out.
"""

from __future__ import annotations

import json
import unicodedata

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Joiners and fillers that take no place, or look like blanks, though Unicode counts them among marks and letters."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """`text` on one line, every sign of it visible."""
    return text if _is_plain(text) else "".join(char if _is_visible(char) else _escape(char) for char in text)


def printable_lines(text: str) -> str:
    """`text` with its line breaks, each line of it printable. For a text that we laid out in lines ourselves."""
    return "\n".join(map(printable, text.split("\n")))


def printable_word(text: str) -> str:
    """`text` as one word of a line: in quotes where it would otherwise read as several, or as a name and a value."""
    shown = printable(text)
    if shown and not any(char in '"=' or char.isspace() for char in shown):
        return shown
    return '"' + shown.replace('"', '\\"') + '"'


def printable_json(text: str) -> str:
    """Return a JSON text that means the same, with escapes of JSON for what cannot be seen."""
    return text if _is_plain(text) else "".join(char if _is_visible(char) else json.dumps(char)[1:-1] for char in text)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_visible(char: str) -> bool:
    return (char.isprintable() or unicodedata.category(char) == "Zs") and char not in _UNSEEN


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
