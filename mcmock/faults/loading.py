"""Faults from files: TOML with `[[fault]]` tables, or JSON. The text decides; only `load_file` opens anything.

Both forms hold FaultRules as the control API has them. Whatever is wrong is a ValueError of one line: which file, which
fault, which field, and what may stand there.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcmock.core import turns
from mcmock.core.json_decoding import duplicate_keys
from mcmock.core.text import decoded
from mcmock.core.wording import named, shown
from mcmock.faults.rule import FaultRule, rule_from_json

_KEYS = ("fault", "faults")
_OF_A_PAGE = ("total", "next")
"""What a list of faults has beside them where the control API gave it."""


def load_file(path: str | Path) -> tuple[FaultRule, ...]:
    """Return the rules of a `.toml` or `.json` file. Raises OSError as opening it does, and ValueError that names the file."""
    path = Path(path)
    try:
        return load(decoded(path.read_bytes()), path.suffix.lstrip(".").lower())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def load(text: str, form: str) -> tuple[FaultRule, ...]:
    """Return the rules of a text in the form "toml" or "json"."""
    if form == "toml":
        value: Any = _toml(text)
    elif form == "json":
        value = _json(text)
    else:
        raise ValueError(f"faults are read from .toml and .json files, not from .{form}")
    return load_value(value)


def load_value(value: Any) -> tuple[FaultRule, ...]:
    """Return the rules of `{"fault": […]}`, `{"faults": […]}`, a list of rules, or a single rule.

    What the control API gave is taken, too, unless it is a page with others behind it.
    """
    if isinstance(value, dict) and "effect" not in value:
        if value.get("next") is not None:
            raise ValueError(
                "these are some of the faults, and next says where the others begin: ask without limit for all"
            )
        other = [key for key in value if key not in (*_KEYS, *_OF_A_PAGE)]
        if other:
            raise ValueError(f"{shown(other[0])} is not known here; faults stand in [[fault]] tables, or in a list")
        value = value.get("fault", value.get("faults", []))
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise ValueError(f"faults must be a list of objects, not {shown(value)}")
    return rules_from(value)


def rules_from(values: Iterable[Any]) -> tuple[FaultRule, ...]:
    """Rules from what a file or the control API holds. Raises ValueError, naming the how-manieth one is wrong."""
    rules = []
    for number, value in enumerate(turns.paused(values), 1):
        try:
            rules.append(rule_from_json(value))
        except ValueError as error:
            raise ValueError(f"fault {number}: {str(error).removeprefix('fault: ')}") from None
    names = Counter(rule.name for rule in rules if rule.name)
    if doubles := [name for name, times in names.items() if times > 1]:
        raise ValueError(f'fault "{doubles[0]}" is there twice; each needs a name of its own, or none')
    return tuple(rules)


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an int of 5,000 digits; a list in a list in a list …
        raise ValueError(f"not TOML: {error}") from None


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
        doubles = duplicate_keys(text.encode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if doubles:
        raise ValueError(f"{named(doubles[0])} stands twice in one object: which one is meant?")
    return value
