"""Where in a TOML text a key stands: tomllib reads values and forgets their lines. It reads statements, and judges nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

Path = tuple[str | int, ...]
"""The keys that lead to a value; an element of an array of tables is its number, from 0."""


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line, from 1, of the statement that says most of `path` in a text that is valid TOML."""
    best, found = -1, 1
    for line, stated in _statements(text):
        common = _common(stated, tuple(path))
        if common > best:
            best, found = common, line
    return found


def _common(one: Path, other: Path) -> int:
    return next(
        (n for n, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other))
    )


def _statements(text: str) -> Iterator[tuple[int, Path]]:
    """Yield each header and each key with its line and its whole path."""
    table: Path = ()
    elements: dict[Path, int] = {}  # the latest element of each array of tables
    for line, statement in _chunks(text):
        value = tomllib.loads(statement)
        keys = _keys(value)
        if statement.lstrip().startswith("[["):
            place = _place(keys[:-1], elements) + keys[-1:]
            elements[place] = elements.get(place, -1) + 1
            table = (*place, elements[place])
        elif statement.lstrip().startswith("["):
            table = _place(keys, elements)
        yield line, table if statement.lstrip().startswith("[") else (*table, *keys)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement with the line that it begins in: as many lines as it takes to be TOML."""
    begun, chunk = 1, ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        begun, chunk = (number, line) if not chunk else (begun, chunk + line)
        try:
            is_empty = not tomllib.loads(chunk)
        except tomllib.TOMLDecodeError:
            continue
        if not is_empty:
            yield begun, chunk
        chunk = ""


def _keys(value: Any) -> Path:
    """Return the keys of a statement, down to where it says more than one thing."""
    keys: list[str] = []
    while isinstance(value, dict) and len(value) == 1:
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)


def _place(keys: Path, elements: dict[Path, int]) -> Path:
    """Return the path of a header's table, inside the latest element of each array on the way."""
    place: Path = ()
    for key in keys:
        place = (*place, key)
        if place in elements:
            place = (*place, elements[place])
    return place
