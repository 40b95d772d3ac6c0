"""`mcmock serve`: runs the emulator until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcmock.cli.launch import facts_line, make_service, run
from mcmock.cli.options import server_options

if TYPE_CHECKING:
    from mcmock.server import Service

CANNOT_LISTEN = 3


@click.command()
@server_options
def serve(values: dict[str, Any]) -> None:
    """Run the emulator until SIGINT or SIGTERM."""
    sys.exit(run(_serve(make_service(values), values)))


async def _serve(service: Service, values: dict[str, Any]) -> int:
    try:
        await service.start()
    except OSError as error:
        click.echo(f"mcmock: cannot listen on {values['host']}:{values['port']}: {error.strerror or error}", err=True)
        return CANNOT_LISTEN
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    _announce(service, values["ready_file"], values["log_format"])
    await stopped.wait()
    await service.stop()
    return 0


def _announce(service: Service, ready_file: Path | None, log_format: str) -> None:
    line = facts_line(service)
    if ready_file is not None:
        ready_file.write_text(line + "\n")
    text = f"mcmock listens on {service.url} (log and control: {service.admin_url}, seed {service.emulator.seed})"
    click.echo(line if log_format == "json" else text)
