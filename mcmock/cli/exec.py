"""`mcmock exec -- CMD`: a server on a free port for as long as one command runs.

It starts, passes signals on and exits as the command did; what was lost, and how that is told, the core decides.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import click
from click.core import ParameterSource

from mcmock.cli.flags import server_options, verdict_options
from mcmock.cli.options import Settings
from mcmock.cli.running import running
from mcmock.cli.saying import remark, say
from mcmock.cli.service import make_service, run
from mcmock.core.findings import FailOn
from mcmock.core.http import LOOPBACK

if TYPE_CHECKING:
    from mcmock.engine import Emulator
    from mcmock.server import Service

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""What a shell exits with when it cannot run a command."""

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@click.command(context_settings={"allow_interspersed_args": False})
@verdict_options
@click.option("--report", is_flag=True, help="Print to stderr what Analytics would count.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="CMD…")
@server_options
def exec(settings: Settings, command: tuple[str, ...], fail_on: str, allow: frozenset[str], report: bool) -> None:
    """Run CMD with a server that lives as long as it does.

    CMD finds the server in MCMOCK_URL (in MCMOCK_HOST without http://), over HTTPS in MCMOCK_HTTPS_URL and
    MCMOCK_CA_FILE, the control API in MCMOCK_ADMIN_URL if it has a port of its own; NO_PROXY tells it to ask this
    machine directly. mcmock exits as CMD did, or with 1 where CMD is content but something it sent was lost, or it sent
    nothing.
    """
    if settings.values["workers"] > 1:
        raise click.UsageError("--workers is for serve")
    service = make_service(_on_free_ports(settings))
    sys.exit(run(_main(service, settings, command, Judging(fail_on, allow), report)))


def _on_free_ports(settings: Settings) -> Settings:
    """Only a flag settles a port: a file's or a variable's is that of the server that is always there."""
    context = click.get_current_context()
    values = dict(settings.values)
    for name in ("port", "https_port", "admin_port"):
        if values[name] is not None and context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            values[name] = 0
    return settings._replace(values=values)


class Judging(NamedTuple):
    """From what on the verdict fails, and which rules are expected."""

    fail_on: str
    allow: frozenset[str]


async def _main(service: Service, settings: Settings, command: tuple[str, ...], judging: Judging, report: bool) -> int:
    async with running(service, settings):
        code = await _run(service, command)
        service.scopes.catch_up()
        scopes = service.scopes.each()
        lost = list(_lost(service, judging)) if code not in (NOT_FOUND, NOT_EXECUTABLE) else []
        reported = [_reported(scopes)] if report else []
    for text in [*lost, *reported]:
        say(f"\n{text}", err=True)
    return 1 if lost and code == 0 else code


def _lost(service: Service, judging: Judging) -> Iterator[str]:
    """Yield what was lost in each scope, with the timelines around it; nothing if nothing was."""
    from mcmock.checks import verdict

    if judging.fail_on == FailOn.NEVER:
        return
    if not service.meter.counted() and verdict.NOTHING_SENT not in judging.allow:
        yield (
            "mcmock: the command sent nothing to MCMOCK_URL: does it know the address? "
            f"(--allow {verdict.NOTHING_SENT} if that is meant)"
        )
    for emulator in service.scopes.each():
        answer = emulator.verdict(judging.fail_on, judging.allow)
        if not answer.passed:
            rules = " ".join(f"--allow {rule}" for rule in answer.rules)
            hint = f"If that is meant: {rules}"
            scope = "" if emulator is service.scopes.default else f" in the scope {emulator.scope}"
            yield f"mcmock{scope}: {answer.message}\n{hint}\n\n{answer.story(emulator)}\n(seed {emulator.seed})"


def _reported(scopes: Iterable[Emulator]) -> str:
    """Return what Analytics would count of each session."""
    from mcmock.analytics.text import report_text

    views = [view for emulator in scopes for view in emulator.sessions()]
    return "\n\n".join(report_text(view.report.to_json(why=False)) for view in views) or "no session was opened"


# -- the command ----------------------------------------------------------------------------------------------------------


async def _run(service: Service, command: tuple[str, ...]) -> int:
    """Return the command's exit code, as a shell would put it."""
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in PASSED_ON:  # before the command runs: one that comes while it starts must not end this process alone
        loop.add_signal_handler(number, signals.put_nowait, number)
    try:
        process = await asyncio.create_subprocess_exec(*command, env=_environment(service))
        passing = asyncio.create_task(_pass_on(process, signals))
        code = await process.wait()
        passing.cancel()
    except FileNotFoundError:
        return _cannot(NOT_FOUND, f"{command[0]}: no such command")
    except OSError as error:
        return _cannot(NOT_EXECUTABLE, f"{command[0]}: {error.strerror}")
    finally:
        for number in PASSED_ON:
            loop.remove_signal_handler(number)
    return code if code >= 0 else 128 - code


def _cannot(code: int, why: str) -> int:
    remark(why)
    return code


async def _pass_on(process: asyncio.subprocess.Process, signals: asyncio.Queue[signal.Signals]) -> None:
    """Send the command each signal that comes. A Ctrl-C at the terminal has reached it: both are in its foreground."""
    while True:
        number = await signals.get()
        if number is not signal.SIGINT or not _in_foreground():
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _in_foreground() -> bool:
    try:
        return sys.stdin is not None and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _environment(service: Service) -> dict[str, str]:
    found = {
        "MCMOCK_URL": service.url,
        "MCMOCK_HOST": service.url.partition("://")[2],
        "MCMOCK_HTTPS_URL": service.https_url,
        "MCMOCK_CA_FILE": service.ca_file,
        "MCMOCK_ADMIN_URL": service.admin_url if service.place.admin_port is not None else None,
        "MCMOCK_ADMIN_TOKEN": service.place.token,
    }
    stale = {name: value for name, value in os.environ.items() if name not in found}
    return stale | _past_proxies() | {name: str(value) for name, value in found.items() if value is not None}


def _past_proxies() -> dict[str, str]:
    """Return NO_PROXY in both spellings, loopback added: a proxy elsewhere reaches its own loopback, not ours."""
    merged = {}
    for name, other in (("NO_PROXY", "no_proxy"), ("no_proxy", "NO_PROXY")):
        given = os.environ.get(name) or os.environ.get(other) or ""
        hosts = [host for host in re.split(r"[,\s]+", given) if host]
        merged[name] = ",".join(dict.fromkeys(hosts if "*" in hosts else [*hosts, *LOOPBACK]))
    return merged
