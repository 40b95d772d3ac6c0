"""The table of options as flags and variables: what a command that runs a server takes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from mcmock.cli import config
from mcmock.cli.options import CONFIG_FILE, OPTIONS, File, Option, Switch
from mcmock.cli.saying import say
from mcmock.core.findings import FailOn

_MEANT_OTHERWISE = {"port": re.compile("tcp://"), "host": re.compile(r"(\[.*\]|[^:]+):\d+(/|$)")}
"""By option, what its variable holds where somebody else set it for others."""


class Flag(click.Option):
    """A row of the table on the command line. In an error it is called what the user called it: flag, variable or key."""

    def __init__(self, row: Option) -> None:
        switch = isinstance(row.type, Switch)
        name = [f"{row.flag}/--no-{row.key}" if switch else row.flag]
        about = row.about.replace("`", "")
        if row.default not in (None, (), False):
            about = f"{about}  [default: {row.default}]"
        super().__init__(
            name,
            type=click.BOOL if switch else row.type,
            is_flag=switch,
            default=row.default,
            multiple=row.many,
            envvar=row.variable,
            help=about,
        )
        self.row = row

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Leave out what is not meant for this option.

        Kubernetes sets MCMOCK_PORT=tcp://… in every pod beside a Service named mcmock; `mcmock exec` sets
        MCMOCK_HOST=host:port for its command, which may be a mcmock, too.
        """
        value = super().resolve_envvar_value(ctx)
        meant_otherwise = _MEANT_OTHERWISE.get(self.row.name)
        return None if value is not None and meant_otherwise and meant_otherwise.match(value) else value

    def get_error_hint(self, ctx: click.Context | None) -> str:
        source = ctx.get_parameter_source(self.row.name) if ctx is not None else None
        return self.row.variable if source is ParameterSource.ENVIRONMENT else self.row.flag


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option of the table, `--config` and `--print-config`.

    It is called with the Settings as its first argument, and with its own options as keywords.
    """

    @functools.wraps(command)
    def run(**params: Any) -> Any:
        context = click.get_current_context()
        if params.pop("print_config"):
            say(config.printed(context))
            return 0
        return command(
            config.settings(context), **{name: value for name, value in params.items() if name not in OPTIONS}
        )

    click.option(
        "--print-config", is_flag=True, help="Print every option, its value and where it came from, and exit."
    )(run)
    for row in reversed(OPTIONS.values()):
        _add(run, Flag(row))
    click.option(
        "--config", type=File(), is_eager=True, expose_value=False, callback=config.load, envvar="MCMOCK_CONFIG",
        help=f"A file with any of these options as keys; otherwise {CONFIG_FILE} in the current folder, if there is one.",
    )(run)  # fmt: skip
    return run


def verdict_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--fail-on` and `--allow`: from what on it fails, and the rules that are expected, as a frozenset."""
    click.option(
        "--allow", multiple=True, metavar="RULE", callback=_allowed, help="A rule that is expected; may be repeated.",
    )(command)  # fmt: skip
    click.option(
        "--fail-on", type=click.Choice([str(level) for level in FailOn]), default=str(FailOn.LOST), show_default=True,
        help="What makes it exit 1; each level includes those before it.",
    )(command)  # fmt: skip
    return command


def _allowed(context: click.Context, option: click.Parameter, words: tuple[str, ...]) -> frozenset[str]:
    from mcmock.checks.verdict import allowed_of

    try:
        return allowed_of(rule for word in words for rule in word.split(",") if rule)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _add(command: Callable[..., Any], flag: click.Option) -> None:
    """What click.option does, for an option that is made already."""
    params: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    params.append(flag)
