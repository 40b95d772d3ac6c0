"""What the emulated APIs share of JSON Schema (draft-04): the files of schemas/, and the form in which they are enforced.

`validation` makes functions of them. The words for what is wrong are the API's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from mcmock.protocols.validation import Compiled, Json, compiled

COMMON = "common.json"


@cache
def text_of(*name: str) -> str:
    """Return a file of schemas/, by its folders and its name: inside the installed package, or beside it in a checkout."""
    packaged = resources.files("mcmock").joinpath("schemas_data", *name)
    return packaged.read_text("utf-8") if packaged.is_file() else _checkout(*name).read_text("utf-8")


def _checkout(*name: str) -> Path:
    return Path(__file__).parents[2].joinpath("schemas", *name)


def read(*name: str) -> Json:
    """Return the schema in a file of schemas/."""
    return dict(json.loads(text_of(*name)))


def mentioned(part: Any, common: Json) -> Iterator[str]:
    """Yield the names of the shared definitions that `part` refers to, and those that they refer to."""
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith(COMMON):
            name = reference.rpartition("/")[2]
            yield name
            yield from mentioned(common[name], common)
        for inner in part.values():
            yield from mentioned(inner, common)
    elif isinstance(part, list):
        for inner in part:
            yield from mentioned(inner, common)


def enforced(schema: Json) -> Json:
    """Return the schema as it is enforced: with patterns that end where the text ends. Python's `$` lets a newline through."""
    return dict(json.loads(json.dumps(valid(schema)).replace('$"', '\\\\Z"')))


def valid(schema: Any) -> Any:
    """Return the schema without `"required": []`, which the published one has and draft-04 forbids."""
    if isinstance(schema, dict):
        return {key: valid(part) for key, part in schema.items() if (key, part) != ("required", [])}
    return [valid(part) for part in schema] if isinstance(schema, list) else schema


def compile_schema(schema: Json) -> Compiled:
    """Return the functions that say whether a value fits, and what of it does not."""
    return compiled(enforced(schema))


_TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def sent_phrase(value: Any) -> str:
    """Return what was sent, in a few words: `the string "soon"`, `null`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return ("an object" if isinstance(value, dict) else "an array") + ("" if value else " without entries")
    text = json.dumps(value)
    return f"the {_TYPE_NAMES[type(value)]} {text if len(text) <= 60 else text[:57] + '...'}"
