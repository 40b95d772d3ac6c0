"""The command line: one module per command. It parses, calls the core or a shell, and says what happened; it decides nothing.

Exit codes: 0 fine, 1 checks failed, 2 wrong usage or config (one line saying what and where), 3 cannot listen,
4 no answer from the server that was asked.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

import click

import mcmock
from mcmock.cli.saying import remark
from mcmock.core.collector import no_collection
from mcmock.core.wording import did_you_mean, shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Run the emulator until SIGINT or SIGTERM.",
    "exec": "Run CMD with a server that lives as long as it does.",
    "tail": "Follow the log of the server at URL, a line for each request.",
    "find": "Print the requests of the log that match.",
    "wait": "Wait until requests that match have arrived.",
    "verify": "Check how many requests match, or how the sessions went.",
    "ready": "Wait until the server at URL answers on its health route.",
    "check": "Judge recorded traffic: what would count, what not, and why.",
    "plan": "Hold traffic to a plan of what each content type must send.",
    "certify": "Walk the validation checklists over recorded or live sessions.",
    "compare": "Compare two sessions: what differs, was lost, or is new.",
    "convert": "Write recorded sessions of one API as requests of the other.",
    "report": "Print what Analytics would count.",
    "replay": "Send recorded sessions at a server, and compare its answers.",
    "play": "Play virtual viewers at a server, and sum up its answers.",
    "ca": "The certificate authority that devices trust.",
}
"""Each is a module of this package with a click command of the same name, imported when it is called. Here is the first
sentence of its help, so that `mcmock --help` and the shell's completion import none of them."""


class _Commands(click.Group):
    """Imports a command's module when it is called, and says in one line what was wrong with a call."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        home = f"mcmock.cli.{cmd_name}"
        if home not in sys.modules:
            with no_collection():
                import_module(home)
        command: click.Command = getattr(sys.modules[home], cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem  # here: only the shell asks

        named = [CompletionItem(name, help=about) for name, about in COMMANDS.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in COMMANDS and not args[0].startswith("-"):
            known = did_you_mean(args[0], COMMANDS, "; mcmock --help lists them")
            raise click.UsageError(f"No such command {shown(args[0])}{known}", ctx)
        return super().resolve_command(ctx, args)

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
            if isinstance(error, _HELP_INSTEAD) and error.ctx is not None:  # `mcmock ca` alone
                click.echo(error.ctx.get_help())
                sys.exit(0)
            remark(_message(error))
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)
        sys.exit(done if isinstance(done, int) else 0)


_HELP_INSTEAD: tuple[type[click.UsageError], ...] = tuple(
    kind for name in ("NoArgsIsHelpError",) if (kind := getattr(click.exceptions, name, None)) is not None
)  # from click 8.2 on; before, click itself prints the help


def _message(error: click.ClickException) -> str:
    """Return what was wrong, in one line, with the option that was probably meant."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return error.format_message()
    known = [name for one in error.ctx.command.params for name in (*one.opts, *one.secondary_opts) if name[0] == "-"]
    called = error.ctx.command_path
    return (
        f"No such option {error.option_name}{did_you_mean(error.option_name, known, f'; {called} --help lists them')}"
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(mcmock.__version__, prog_name="mcmock")
@click.pass_context
def main(context: click.Context) -> None:
    """Adobe's Media Collection and Media Edge APIs on your laptop and in CI."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
