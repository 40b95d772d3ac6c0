"""From settings to a server that listens: what `serve` and `exec` share. It decides nothing of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import click

from mcmock import faults
from mcmock.cli.options import EMULATOR, PLACE, STORE, Settings
from mcmock.core.collector import no_collection

if TYPE_CHECKING:
    from mcmock.analytics.plan import Plan
    from mcmock.faults import FaultRule
    from mcmock.server import Service
    from mcmock.storage import Store


def make_service(settings: Settings, *, share_port: bool = False) -> Service:
    """Return the Service that these settings describe; with `share_port` others may listen on its port, too.

    Raises click.UsageError where they make no sense together.
    """
    with no_collection():
        return _make_service(settings, share_port)


def _make_service(settings: Settings, share_port: bool) -> Service:
    from mcmock.engine.changes import StoreUnavailable  # late: `mcmock --help` should not wait for aiohttp
    from mcmock.engine.scopes import Scopes
    from mcmock.server import Service

    try:
        _check_https(settings)
        rules = faults_of(settings)
        emulator = store_of(settings).emulator(lazy=True, **settings.of(EMULATOR), faults=rules, plan=plan_of(settings))
        held = Scopes(emulator, rules=settings.values["scope"])
        return Service(held, share_port=share_port, **settings.of(PLACE))
    except (ValueError, StoreUnavailable) as error:
        raise click.UsageError(str(error)) from None


def _check_https(settings: Settings) -> None:
    """Raises ValueError for what is about HTTPS while that is off. (The fixtures switch it on when it is asked for.)"""
    given = next((name for name in ("tls_cert", "tls_name") if settings.values[name]), None)
    if given is not None and settings.values["https_port"] is None:
        raise ValueError(f"--{given.replace('_', '-')} is for HTTPS, which is off: add --https-port")


def store_of(settings: Settings) -> Store:
    """Return the store that `--store` or `--journal` names, opened. Raises ValueError."""
    from mcmock.storage import open_store

    values = settings.of(STORE)
    if values["journal"] is not None and values["store"] != "memory":
        raise ValueError("--journal FILE is short for --store sqlite:FILE: leave one of them out")
    spec = f"sqlite:{values['journal']}" if values["journal"] is not None else values["store"]
    return open_store(spec, max_bytes=values["journal_max_bytes"], max_age=values["journal_max_age"])


def faults_of(settings: Settings) -> tuple[FaultRule, ...]:
    """Return the rules to begin with: the config's own, those of the file of faults, those of the presets. Raises ValueError."""
    values = settings.values
    try:
        own = faults.load_file(values["faults"]) if values["faults"] is not None else ()
    except OSError as error:
        raise ValueError(f"{values['faults']}: {error.strerror}") from None
    return (*values["fault"], *own, *(rule for name in values["preset"] for rule in faults.preset(name)))


def plan_of(settings: Settings) -> Plan | None:
    """Return the tracking plan that `--plan` names, if it does. Raises ValueError in one line that says what is wrong."""
    path = settings.values["plan"]
    return load_plan(path) if path is not None else None


def load_plan(path: Path) -> Plan:
    """Return the plan in a file. Raises ValueError in one line that says what is wrong, and where."""
    from mcmock.analytics.plan_format import load_file

    try:
        return load_file(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


def run(main: Coroutine[Any, Any, int]) -> int:
    """asyncio.run, on uvloop where the extra `speed` has put it. What it leaves is for the end of the process."""
    try:
        import uvloop
    except ImportError:
        made = None
    else:
        made = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=made) as runner:
        code = runner.run(main)
    gc.freeze()  # an interpreter that ends looks through all it holds, a dozen times: seconds, where the log is long
    return code


async def start(service: Service) -> None:
    """Listen, and prepare beside it what first requests and questions would wait for.

    Raises CannotListen, or click.UsageError where there is no certificate; both say it in one line.
    """
    try:
        await service.start()
    except OSError as error:
        raise CannotListen(error) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    beside = Thread(target=_prepare, args=(service,), name="mcmock-prepare", daemon=True)
    asyncio.get_running_loop().call_later(PREPARE_AFTER, beside.start)


PREPARE_AFTER: Final = 0.5  # s: who waits for the ready line to send a first request is answered first
GIVE_WAY_AFTER: Final = 0.0002  # s: with Python's usual 5 ms, each system call of a request would wait as long


def _prepare(service: Service) -> None:
    """Import and compile, and give way to requests at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(GIVE_WAY_AFTER)
    try:
        service.prepare()
    finally:
        sys.setswitchinterval(usual)


class CannotListen(click.ClickException):
    """The address is taken, or not this machine's."""

    exit_code = 3

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot listen on {error.filename}: {error.strerror}")


def facts(service: Service) -> dict[str, Any]:
    """Return what is known once it listens: the ready line and the ready file."""
    return {
        "event": "ready",
        "url": service.url,
        "httpsUrl": service.https_url,
        "adminUrl": service.admin_url,
        "seed": service.emulator.seed,
        "pid": os.getpid(),
        "caFile": str(service.ca_file) if service.ca_file is not None else None,
        "addresses": [*service.place.reachable(), *service.place.reachable(secure=True)],
    }


def facts_line(service: Service) -> str:
    return json.dumps(facts(service))
