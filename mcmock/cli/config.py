"""mcmock.toml: reads it, refuses an unknown key and names the nearest known one, and prints what came of file, variables
and flags. It knows the options by their table, and nothing of what they do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mcmock.cli.options import CONFIG_FILE, GROUPS, OPTIONS, TABLES, File, Option, Settings
from mcmock.core import text
from mcmock.core.wording import nearest

_FOUND = "mcmock.config"
"""Where, in click's context, the path of the file is kept."""


def load(context: click.Context, parameter: click.Parameter, given: Path | None) -> None:
    """Make the keys of `--config`, or of ./mcmock.toml, the defaults of the flags they are named like."""
    path = given if given is not None else Path(CONFIG_FILE)
    if context.resilient_parsing or (given is None and not path.is_file()):
        return
    context.default_map = read(path)
    context.meta[_FOUND] = path


def file_of(context: click.Context) -> Path | None:
    """Return the file that was read, if one was."""
    found: Path | None = context.meta.get(_FOUND)
    return found


def read(path: Path) -> dict[str, Any]:
    """Return the file's values by option name. Raises click.UsageError with one line that says where and what."""
    import tomllib

    try:
        return parse(text.decoded(path.read_bytes()), path.parent)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path}: not TOML: {error}") from None
    except ValueError as error:
        raise click.UsageError(f"{path}: {error}") from None


def parse(words: str, folder: Path) -> dict[str, Any]:
    """Return the values of a config's text. Paths in it are relative to its `folder`. Raises ValueError naming the key."""
    import tomllib  # here: most servers have no such file

    values = {}
    for key, value in tomllib.loads(words).items():
        if (table := TABLES.get(key)) is not None:
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                raise ValueError(f"{key}: must be [[{key}]] tables, not {value!r}")
            values[key] = table.read(value)
        else:
            option = _named(key)
            values[option.name] = _value(option, value, folder)
    return values


def _named(key: str) -> Option:
    option = OPTIONS.get(key.replace("-", "_"))
    if option is None:
        near = nearest(key.replace("_", "-"), [*(one.key for one in OPTIONS.values()), *TABLES], 0.5)
        raise ValueError(f"{key} is not an option; " + (f"did you mean {near}?" if near else "see mcmock serve --help"))
    return option


def _value(option: Option, value: object, folder: Path) -> Any:
    try:
        if not option.many:
            return _one(option, value, folder)
        return tuple(_one(option, each, folder) for each in (value if isinstance(value, list) else [value]))
    except click.BadParameter as error:
        raise ValueError(f"{option.key}: {error.message}") from None


def _one(option: Option, value: object, folder: Path) -> Any:
    read = option.type.from_toml(value)
    return folder / read if isinstance(option.type, File) else read


# -- what came of it -------------------------------------------------------------------------------------------------------


def settings(context: click.Context) -> Settings:
    """Return the values of all options. Raises click.UsageError for a contradiction that no strength of source decides."""
    sources = {name: context.get_parameter_source(name) for name in OPTIONS}
    values = {name: context.params[name] for name in OPTIONS}
    strict, loose = (_STRENGTH.index(sources[name] or ParameterSource.DEFAULT) for name in ("strict", "loose"))
    if values["strict"] and values["loose"] and strict != loose:
        values["loose" if strict > loose else "strict"] = False
    tables = {key: (context.default_map or {}).get(key, ()) for key in TABLES}
    fixed = frozenset(name for name, source in sources.items() if source in _STRENGTH[2:])
    return Settings({**values, **tables}, fixed, file_of(context))


def reread(known: Settings) -> Settings:
    """The same with the file as it is now. Raises click.UsageError as reading it does."""
    assert known.file is not None
    new = read(known.file)
    values = {name: new.get(name, option.default) for name, option in OPTIONS.items() if name not in known.fixed}
    tables = {key: new.get(key, ()) for key in TABLES}
    return known._replace(values={**known.values, **values, **tables})


_STRENGTH = (
    ParameterSource.DEFAULT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.ENVIRONMENT,
    ParameterSource.COMMANDLINE,
)


def printed(context: click.Context) -> str:
    """Return all options as a mcmock.toml that says, in comments, where each value came from."""
    values = settings(context).values
    blocks = []
    for group in GROUPS:
        lines = [_line(option, values[option.name], _origin(context, option)) for option in group.options]
        blocks.append("\n".join([f"# {group.title}", *lines]))
    blocks += [f"# and {len(values[key])} [[{key}]], file {file_of(context)}" for key in TABLES if values[key]]
    return "\n\n".join(blocks)


def _line(option: Option, value: Any, origin: str) -> str:
    if value is None:
        return f"# {option.key} is not set"
    if option.secret:
        return f"# {option.key} is set, and not shown  # {origin}"
    return f"{option.key} = {_toml(value)}  # {origin}"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _origin(context: click.Context, option: Option) -> str:
    return {
        ParameterSource.COMMANDLINE: f"flag {option.flag}",
        ParameterSource.ENVIRONMENT: f"variable {option.variable}",
        ParameterSource.DEFAULT_MAP: f"file {file_of(context)}",
    }.get(context.get_parameter_source(option.name) or ParameterSource.DEFAULT, "default")
