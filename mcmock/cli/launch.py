"""From the options of a server to one that listens: what `serve` and `exec` share. It decides nothing of its own."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from mcmock.cli.options import EMULATOR, PLACE, of_part

if TYPE_CHECKING:
    from mcmock.server import Service


def make_service(values: dict[str, Any]) -> Service:
    """The Service that these option values describe. Raises click.UsageError where they make no sense together."""
    from mcmock.emulator import Emulator  # late: `mcmock --help` should not wait for aiohttp
    from mcmock.server import Service

    try:
        return Service(Emulator(**of_part(EMULATOR, values)), **of_part(PLACE, values))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def run(main: Coroutine[Any, Any, int]) -> int:
    """asyncio.run, on uvloop where the extra `speed` has put it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def facts(service: Service) -> dict[str, Any]:
    """What is known once it listens: the ready line, the ready file."""
    return {
        "event": "ready",
        "url": service.url,
        "httpsUrl": service.https_url,
        "adminUrl": service.admin_url,
        "seed": service.emulator.seed,
        "pid": os.getpid(),
    }


def facts_line(service: Service) -> str:
    return json.dumps(facts(service))
