"""mcmock.toml: reads it, refuses what is no option with the nearest that is one, and prints what came of file, variables
and flags. It knows the options by their table, and nothing of what they do.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mcmock.cli.options import CONFIG_FILE, GROUPS, OPTIONS, File, Option

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
    """The file that was read, if one was."""
    found: Path | None = context.meta.get(_FOUND)
    return found


def read(path: Path) -> dict[str, Any]:
    """The file's values by option name. Raises click.UsageError with one line that says where and what."""
    try:
        return parse(path.read_text("utf-8"), path.parent)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path}: not TOML: {error}") from None
    except ValueError as error:
        raise click.UsageError(f"{path}: {error}") from None


def parse(text: str, folder: Path) -> dict[str, Any]:
    """The values of a config's text. Paths in it are relative to its `folder`. Raises ValueError naming the key."""
    return {_named(key).name: _value(_named(key), value, folder) for key, value in tomllib.loads(text).items()}


def _named(key: str) -> Option:
    option = OPTIONS.get(key.replace("-", "_"))
    if option is None:
        near = difflib.get_close_matches(key.replace("_", "-"), [one.key for one in OPTIONS.values()], n=1, cutoff=0.5)
        raise ValueError(
            f"{key} is no option" + (f"; did you mean {near[0]}?" if near else "; see mcmock serve --help")
        )
    return option


def _value(option: Option, value: object, folder: Path) -> Any:
    try:
        if not option.many:
            return _one(option, value, folder)
        if not isinstance(value, list):
            raise click.BadParameter(f'{value!r} is not a list such as ["{value}"].')
        return tuple(_one(option, each, folder) for each in value)
    except click.BadParameter as error:
        raise ValueError(f"{option.key}: {error.message}") from None


def _one(option: Option, value: object, folder: Path) -> Any:
    read = option.type.from_toml(value)
    return folder / read if isinstance(option.type, File) else read


# -- what came of it -------------------------------------------------------------------------------------------------------


def settled(context: click.Context) -> dict[str, Any]:
    """The values of all options. Where strict and loose are both asked for, by a stronger and a weaker source, it has won."""
    values = {name: context.params[name] for name in OPTIONS}
    if values["strict"] and values["loose"]:
        strict, loose = (_strength(context, name) for name in ("strict", "loose"))
        if strict != loose:
            values["loose" if strict > loose else "strict"] = False
    return values


_STRENGTH = (
    ParameterSource.DEFAULT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.ENVIRONMENT,
    ParameterSource.COMMANDLINE,
)


def _strength(context: click.Context, name: str) -> int:
    source = context.get_parameter_source(name)
    return _STRENGTH.index(source) if source in _STRENGTH else 0


def printed(context: click.Context) -> str:
    """All options as a mcmock.toml that says, in comments, where each value came from."""
    values = settled(context)
    blocks = []
    for group in GROUPS:
        lines = [_line(option, values[option.name], _origin(context, option)) for option in group.options]
        blocks.append("\n".join([f"# {group.title}", *lines]))
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
