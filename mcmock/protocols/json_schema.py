"""What the emulated APIs share of JSON Schema (draft-04): files of schemas/, validators that only say yes, and what is wrong.

Two validators look at a body. fastjsonschema's only says yes, fast; to whatever it does not plainly accept, jsonschema is the
judge. A breach is one field that a schema does not allow; the words for it are the API's own. The same schemas stand in the
OpenAPI document, as its components.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import jsonschema

COMMON = "common.json"

Json = dict[str, Any]


@cache
def text_of(*name: str) -> str:
    """Return a file of schemas/, by its folders and its name: inside the installed package, or beside it in a checkout."""
    return _folder().joinpath(*name).read_text("utf-8")


def read_files(event_types: Iterable[str], *folder: str) -> None:
    """Read the schema of each event type, and what they share, now: a test may put another file system in their place (pyfakefs)
    before the first request."""
    for name in (*event_types, COMMON.removesuffix(".json")):
        text_of(*folder, f"{name}.json")


@cache
def _folder() -> Path:
    root = Path(__file__).parents[2]
    packaged = root / "mcmock" / "schemas_data"
    return packaged if packaged.is_dir() else root / "schemas"


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


def component(name: str) -> Json:
    """Return the reference to a schema of the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{name}"}


def as_component(part: Any, prefix: str = "") -> Any:
    """Return a part of a draft-04 schema with its references pointing into the OpenAPI document, each name with the prefix.

    No other word of it has changed since.
    """
    if isinstance(part, list):
        return [as_component(inner, prefix) for inner in part]
    if not isinstance(part, dict):
        return part
    target = part.get("$ref")
    if isinstance(target, str):
        return component(prefix + target.rpartition("/")[2])
    return {key: as_component(inner, prefix) for key, inner in part.items()}


class Breach(NamedTuple):
    """A field that a schema does not allow."""

    keyword: str
    keys: tuple[str | int, ...]  # the way to the field
    wanted: Any  # what the keyword asks for
    sent: Any
    schema: Json


class Compiled(NamedTuple):
    """`fits` says whether a value is as the schema wants it, `breaches` yields what is not."""

    fits: Callable[[Any], bool]
    breaches: Callable[[Any], Iterator[Breach]]


def compile_schema(schema: Json) -> Compiled:
    """Return the functions of a schema."""
    import fastjsonschema  # here: a server answers many a request before it meets a body

    whole = enforced(schema)
    check = fastjsonschema.compile(whole)

    def fits(value: Any) -> bool:
        try:
            check(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    @cache
    def judge() -> jsonschema.Draft4Validator:
        import jsonschema  # here, because most runs never meet a bad body and the import costs as much as all the rest

        return jsonschema.Draft4Validator(whole)

    return Compiled(fits, lambda value: _flatten(judge().iter_errors(value)))


def _flatten(errors: Iterable[jsonschema.ValidationError]) -> Iterator[Breach]:
    """One breach a field: jsonschema reports all unknown keys of an object in one error, and each missing one in its own
    without saying which it is, except in English."""
    listed = set()
    for error in errors:
        keys = tuple(error.absolute_path)
        schema: Json = error.schema if isinstance(error.schema, dict) else {}
        sent: Any = error.instance
        if error.validator == "additionalProperties":
            for key in _extras(sent, schema):
                yield Breach("additionalProperties", (*keys, key), False, sent[key], schema)
        elif error.validator == "required":
            if (at := (keys, tuple(error.absolute_schema_path))) in listed:
                continue
            listed.add(at)
            for key in schema["required"]:
                if key not in sent:
                    yield Breach("required", (*keys, key), True, None, schema)
        else:
            yield Breach(str(error.validator), keys, error.validator_value, sent, schema)


def _extras(sent: Json, schema: Json) -> list[str]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [key for key in sent if key not in known and not any(re.search(pattern, key) for pattern in patterns)]


def prepare() -> None:
    """Import what the first body that does not fit would wait for."""
    import jsonschema  # noqa: F401


_TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def sent_phrase(value: Any) -> str:
    """Return what was sent, in a few words: `the string "soon"`, `null`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return ("an object" if isinstance(value, dict) else "an array") + ("" if value else " without entries")
    text = json.dumps(value)
    return f"the {_TYPE_NAMES[type(value)]} {text if len(text) <= 60 else text[:57] + '...'}"
