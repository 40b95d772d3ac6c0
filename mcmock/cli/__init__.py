"""The command line: one module per command. It parses, calls the core or a shell, and says what happened; it decides nothing.

Exit codes: 0 fine, 1 checks failed, 2 wrong usage or config (one line saying what and where), 3 cannot listen,
4 no answer from the server that was asked.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

import mcmock
from mcmock.cli.saying import remark

COMMANDS = (
    "serve",
    "exec",
    "tail",
    "find",
    "wait",
    "verify",
    "ready",
    "check",
    "plan",
    "certify",
    "report",
    "replay",
    "ca",
)
"""Each is a module of this package with a click command of the same name; imported when it is called."""


class _Commands(click.Group):
    """Imports a command's module when it is called, and says in one line what was wrong with a call."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"mcmock.cli.{cmd_name}"), cmd_name)
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal of few letters gets the others as escapes
                stream.reconfigure(errors="backslashreplace")
        try:
            done = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            remark(error.format_message())
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)
        sys.exit(done if isinstance(done, int) else 0)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(mcmock.__version__, prog_name="mcmock")
def main() -> None:
    """Adobe's Media Collection API on your laptop and in CI."""
