"""Write mcmock/inspector/types.d.ts: the JSON shapes that the control API publishes, as TypeScript types.

`tsc --checkJs` reads them when it checks the inspector's JavaScript, so that the page cannot ask for a key that the server does
not send. Run it after a change of `mcmock.serialization.json_schemas`; tests/inspector/test_javascript.py fails until then.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mcmock.serialization.json_schemas import SHAPES

TARGET = Path(__file__).parents[1] / "mcmock" / "inspector" / "types.d.ts"
HEAD = "/* Made by bench/inspector_types.py from the control API's JSON Schemas. Change those, not this. */\n"

OPAQUE = {"Match"}
"""What the page hands on and never looks into: written out, it would change with each new finding."""

Schema = dict[str, Any]

_NAMES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def generated() -> str:
    """Return the whole file: the types that the page names, and those that they are made of."""
    return "\n".join([HEAD, *(_declaration(name, SHAPES[name]) for name in SHAPES if name in _used())])


def _used() -> set[str]:
    found: set[str] = set()
    wanted = {name for path in TARGET.parent.glob("*.js") for name in _named(path.read_text(encoding="utf-8"))}
    while wanted:
        found |= wanted
        texts = [_declaration(name, SHAPES[name]) for name in wanted]
        wanted = {
            name for text in texts for name in SHAPES if re.search(rf"\b{name}\b", text.partition(" = ")[2])
        } - found
    return found


def _named(text: str) -> list[str]:
    """Return the types that a module of the page imports."""
    groups = re.findall(r'@import \{([^}]*)\} from "\./types\.d\.ts"', text)
    return [
        *(name.strip() for group in groups for name in group.split(",")),
        *re.findall(r'"\./types\.d\.ts"\)\.(\w+)', text),
    ]


def _declaration(name: str, schema: Schema) -> str:
    about = f"/** {schema['description']} */\n" if schema.get("description") else ""
    return f"{about}export type {name} = {'Record<string, any>' if name in OPAQUE else _type(schema)};\n"


def _type(schema: Schema, indent: str = "") -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(word) for word in schema["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _union([_type(one, indent) for one in schema[choice]])
    kinds = schema.get("type", [])
    return _union([_of_kind(kind, schema, indent) for kind in ([kinds] if isinstance(kinds, str) else kinds)]) or "any"


def _of_kind(kind: str, schema: Schema, indent: str) -> str:
    if kind == "array":
        return _array(schema, indent)
    return _object(schema, indent) if kind == "object" else _NAMES[kind]


def _array(schema: Schema, indent: str) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one, indent) for one in schema['prefixItems'])}]"
    items = _type(schema.get("items", {}), indent)
    return f"({items})[]" if "|" in items else f"{items}[]"


def _object(schema: Schema, indent: str) -> str:
    values = schema.get("additionalProperties")
    if "properties" not in schema:
        return f"Record<string, {_type(values, indent) if isinstance(values, dict) else 'any'}>"
    required = set(schema.get("required", []))
    inner = f"{indent}  "
    rows = [
        f"{inner}{_key(name)}{'' if name in required else '?'}: {_type(part, inner)};"
        for name, part in schema["properties"].items()
    ]
    return "\n".join(["{", *rows, f"{indent}}}"])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def _union(types: list[str]) -> str:
    return " | ".join(dict.fromkeys(types))


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
    print(f"wrote {TARGET}")
