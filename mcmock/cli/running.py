"""A server from its start to its stop, with all that its settings ask for beside it: what `serve` and `exec` share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcmock.cli.logs import Logs
from mcmock.cli.options import Settings
from mcmock.cli.reload import Reload, watch
from mcmock.cli.service import facts_line, start

if TYPE_CHECKING:
    from mcmock.server import Service


@asynccontextmanager
async def running(service: Service, settings: Settings) -> AsyncIterator[None]:
    """Yield the service, its log lines, its ready file, and an eye on the files it was configured by."""
    values = settings.values
    await start(service)
    logs = Logs(values["log_format"], sys.stderr)
    watching: list[asyncio.Task[None]] = []
    try:
        if values["log_requests"]:
            logs.follow(service.scopes)
        files = Reload(service, settings, logs.say).files() if values["watch"] else []
        watching = [asyncio.create_task(watch(file)) for file in files]
        if values["ready_file"] is not None:
            _write(values["ready_file"], facts_line(service) + "\n")
        with logs.heard():
            yield
    finally:
        for task in watching:
            task.cancel()
        await service.stop()
        service.scopes.close()
        logs.flush()


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a script may be waiting for the file."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text)
        new.replace(path)
    except OSError as error:
        raise click.UsageError(f"--ready-file {path}: {error.strerror}") from None
