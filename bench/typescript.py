"""Write the control API's JSON shapes as TypeScript, from the document that `GET /__admin/openapi.json` answers.

    python bench/typescript.py

Two files are made: mcmock/inspector/types.d.ts, by which `tsc --checkJs` sees that the page asks for no key that the server does
not send, and clients/javascript/src/api.ts, the types of the npm package. The tests of both fail while they are stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mcmock.protocols.registry import default_protocols
from mcmock.server.admin import openapi
from mcmock.server.admin.routes import ROUTES
from mcmock.server.endpoint import PREFIX

ROOT = Path(__file__).parents[1]
INSPECTOR = ROOT / "mcmock" / "inspector"
HEAD = "// Made by bench/typescript.py from the OpenAPI document of the control API. Change that, not this.\n"

Schema = Mapping[str, Any]

_REF = "#/components/schemas/"
_OWN_NAMES = {"Error": "Refusal"}
"""Names that would hide one of JavaScript's own."""


class Style(NamedTuple):
    """How a reader of the types wants them."""

    unknown: str
    """The type of what may be anything: `any` may be looked into, `unknown` must be narrowed first."""
    opaque: Collection[str] = ()
    """Shapes that are handed on and never looked into: written out, they would change with each new finding."""


def document() -> dict[str, Any]:
    return openapi.document(ROUTES, PREFIX, default_protocols())


def inspector_types() -> str:
    """Return types.d.ts: the shapes that the page names, and those that they are made of."""
    style = Style(unknown="any", opaque={"Match"})
    named = {name for path in INSPECTOR.glob("*.js") for name in _imported(path.read_text(encoding="utf-8"))}
    return "\n".join([HEAD, *_shapes(document()["components"]["schemas"], named, style)])


def client_types() -> str:
    """Return api.ts: the shapes that the control API takes and gives, and the routes that do."""
    made, style = document(), Style(unknown="unknown")
    control = {path: item for path, item in made["paths"].items() if path.startswith(PREFIX)}
    shapes = _shapes(made["components"]["schemas"], _referred_to(control), style)
    return "\n".join([HEAD, *shapes, _routes(control, style)])


TARGETS = {
    INSPECTOR / "types.d.ts": inspector_types,
    ROOT / "clients" / "javascript" / "src" / "api.ts": client_types,
}


# -- which shapes ----------------------------------------------------------------------------------------------------------


def _imported(module: str) -> Iterator[str]:
    """Yield the types that a module of the page imports."""
    for group in re.findall(r'@import \{([^}]*)\} from "\./types\.d\.ts"', module):
        yield from (name.strip() for name in group.split(","))
    yield from re.findall(r'"\./types\.d\.ts"\)\.(\w+)', module)


def _referred_to(part: Any) -> set[str]:
    return set(re.findall(rf'"{_REF}(\w+)"', json.dumps(part)))


def _shapes(schemas: Mapping[str, Schema], named: Iterable[str], style: Style) -> Iterator[str]:
    """Yield a declaration for each named shape, and for those that they refer to, in the document's order."""
    found: set[str] = set()
    wanted = set(named)
    while wanted:
        found |= wanted
        wanted = {name for one in wanted - set(style.opaque) for name in _referred_to(schemas[one])} - found
    for name, schema in schemas.items():
        if name in found:
            yield _shape(name, schema, style)


def _shape(name: str, schema: Schema, style: Style) -> str:
    written = f"Record<string, {style.unknown}>" if name in style.opaque else _type(schema, style)
    head = _comment(schema.get("description"))
    if written.startswith("{\n"):
        return f"{head}export interface {_type_name(name)} {written}\n"
    return f"{head}export type {_type_name(name)} = {written};\n"


def _routes(paths: Mapping[str, Any], style: Style) -> str:
    rows = [
        _route(method, path, operation, style)
        for path, item in paths.items()
        if path.startswith(f"{PREFIX}/") and path != f"{PREFIX}/"
        for method, operation in item.items()
    ]
    head = _comment("What each route of the control API takes as its body, and gives.")
    return f"{head}export interface Routes {{\n{''.join(rows)}}}\n"


def _route(method: str, path: str, operation: Mapping[str, Any], style: Style) -> str:
    body, answer = _json_of(operation.get("requestBody", {})), _json_of(operation["responses"].get("200", {}))
    takes = f"takes: {_type(body, style, 1)}; " if body else ""
    gives = _type(answer, style, 1) if answer else "string"
    about = _comment(operation.get("summary"), 1)
    return f'{about}  "{method.upper()} {path.removeprefix(PREFIX)}": {{ {takes}gives: {gives} }};\n'


def _json_of(part: Mapping[str, Any]) -> Schema | None:
    found: Schema | None = part.get("content", {}).get("application/json", {}).get("schema")
    return found


# -- one type --------------------------------------------------------------------------------------------------------------


def _type_name(name: str) -> str:
    return _OWN_NAMES.get(name, f"{name[0].upper()}{name[1:]}")


def _type(schema: Schema, style: Style, depth: int = 0) -> str:
    if "$ref" in schema:
        return _type_name(schema["$ref"].removeprefix(_REF))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _union(json.dumps(word) for word in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _union(_type(one, style, depth) for one in choices)
    kinds = schema.get("type")
    return _union(_of_kind(kind, schema, style, depth) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def _of_kind(kind: str | None, schema: Schema, style: Style, depth: int) -> str:
    match kind:
        case "array":
            return _array(schema, style, depth)
        case "object":
            return _object(schema, style, depth)
        case "integer" | "number":
            return "number"
        case "string" | "boolean" | "null":
            return kind
    return style.unknown


def _union(types: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(types))


def _array(schema: Schema, style: Style, depth: int) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one, style, depth) for one in schema['prefixItems'])}]"
    item = _type(schema.get("items", {}), style, depth)
    return f"Array<{item}>" if " | " in item else f"{item}[]"


def _object(schema: Schema, style: Style, depth: int) -> str:
    values = schema.get("additionalProperties")
    if "properties" not in schema:
        return f"Record<string, {_type(values, style, depth) if isinstance(values, dict) else style.unknown}>"
    required, outer, inner = schema.get("required", ()), "  " * depth, "  " * (depth + 1)
    rows = [
        f"{_comment(part.get('description'), depth + 1)}"
        f"{inner}{_key(name)}{'' if name in required else '?'}: {_type(part, style, depth + 1)};\n"
        for name, part in schema["properties"].items()
    ]
    return f"{{\n{''.join(rows)}{outer}}}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def _comment(about: str | None, depth: int = 0) -> str:
    safe = (about or "").replace("*/", "*\\/")
    return f"{'  ' * depth}/** {safe} */\n" if safe else ""


if __name__ == "__main__":
    for target, made in TARGETS.items():
        target.write_text(made(), encoding="utf-8")
        print(f"wrote {target.relative_to(ROOT)}")
