"""`mcmock serve`: runs the emulator until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcmock.cli.launch import facts_line, make_service, run, start
from mcmock.cli.logs import Logs
from mcmock.cli.options import Settings, server_options
from mcmock.cli.reload import Reload
from mcmock.cli.watch import watch

if TYPE_CHECKING:
    from mcmock.server import Service


@click.command()
@server_options
def serve(settings: Settings) -> None:
    """Run the emulator until SIGINT or SIGTERM."""
    sys.exit(run(_serve(make_service(settings), settings)))


async def _serve(service: Service, settings: Settings) -> int:
    stopped = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    await start(service)
    logs = Logs(settings.values["log_format"], sys.stderr)
    if settings.values["log_requests"]:
        logs.follow(service.scopes)
    files = Reload(service, settings, logs.say).files() if settings.values["watch"] else []
    watching = [asyncio.create_task(watch(file)) for file in files]
    _announce(service, settings.values["ready_file"], settings.values["log_format"])
    await stopped.wait()
    for task in watching:
        task.cancel()
    await service.stop()
    logs.flush()
    return 0


def _announce(service: Service, ready_file: Path | None, log_format: str) -> None:
    """Say that it listens, in the one line that scripts wait for; what a person has to know beside that goes to stderr."""
    line = facts_line(service)
    if ready_file is not None:
        _write(ready_file, line + "\n")
    for text in _remarks(service):
        click.echo(f"mcmock: {text}", err=True)
    secure = f" and {service.https_url}" if service.https_url else ""
    text = (
        f"mcmock listens on {service.url}{secure} (log and control: {service.admin_url}, seed {service.emulator.seed})"
    )
    click.echo(line if log_format == "json" else text)


def _remarks(service: Service) -> list[str]:
    place = service.place
    remarks = []
    if place.made_token:
        remarks.append(f"others can reach this server, so its control API wants the token {place.token}")
    if reachable := place.reachable():
        remarks.append(f"devices reach it at {', '.join(reachable)}")
        if place.https_port is not None:
            remarks.append(f"how a device comes to trust it: {reachable[0]}/__admin/trust")
    return remarks


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a script may be waiting for the file."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text)
        new.replace(path)
    except OSError as error:
        raise click.UsageError(f"--ready-file {path}: {error.strerror}") from None
