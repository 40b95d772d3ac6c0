"""`mcmock serve`: runs the emulator until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from mcmock.cli import workers
from mcmock.cli.flags import server_options
from mcmock.cli.options import Settings
from mcmock.cli.running import running
from mcmock.cli.saying import remark, say
from mcmock.cli.service import facts_line, make_service, run
from mcmock.core.collector import collector

if TYPE_CHECKING:
    from mcmock.server import Service
    from mcmock.server.endpoint import Endpoint


@click.command()
@server_options
def serve(settings: Settings) -> None:
    """Run the emulator until SIGINT or SIGTERM."""
    workers.check(settings)
    settings = workers.worker_settings(settings) if workers.is_worker() else settings
    sys.exit(run(_serve(make_service(settings, share_port=workers.shares_port(settings)), settings)))


async def _serve(service: Service, settings: Settings) -> int:
    stopped = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        _on(sign, stopped.set)
    async with running(service, settings):
        collector.own()
        if workers.is_worker():
            await workers.wait_for_parent_exit(service, stopped)
            return 0
        async with workers.workers(service, settings):
            _announce(service, settings.values["log_format"])
            await stopped.wait()
    return 0


def _on(sign: signal.Signals, do: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(sign, do)
    except NotImplementedError:  # Windows
        signal.signal(sign, lambda *_: loop.call_soon_threadsafe(do))


def _announce(service: Service, log_format: str) -> None:
    """Say that it listens, in the one line that scripts wait for; what a person has to know beside that goes to stderr."""
    for text in _remarks(service):
        remark(text)
    if log_format == "json":
        say(facts_line(service))
    else:
        say(_for_a_person(service) if sys.stdout.isatty() else _in_one_line(service))


def _in_one_line(service: Service) -> str:
    secure = f" and {service.https_url}" if service.https_url else ""
    return (
        f"mcmock listens on {service.url}{secure} (log and control: {service.admin_url}, seed {service.emulator.seed})"
    )


def _for_a_person(service: Service) -> str:
    """Return what to do next."""
    secure = f"  or  {service.https_url}" if service.https_url else ""
    rows = [
        ("Point your player at", f"{service.url}{secure}"),
        ("Inspector", f"{service.admin_url}/"),
        (
            "Seed",
            f"{service.emulator.seed}  (--seed {service.emulator.seed} makes the same session ids and faults again)",
        ),
        *_for_media_edge(service.place),
        ("Follow the log", f"mcmock tail {service.url}"),
        ("Stop", "Ctrl+C"),
    ]
    return "\n".join(["mcmock is ready.", *(f"  {name:<22}{text}" for name, text in rows)])


def _for_media_edge(place: Endpoint) -> list[tuple[str, str]]:
    """Return what the SDKs of the Media Edge API are configured with: they take HTTPS alone, and most of them a bare name."""
    port, name = place.https_port, place.edge_name or "NAME"
    if port is None:
        return [("Media Edge SDKs", "take HTTPS alone, most of them at port 443: add --https-port 443")]
    outward = place.reachable(secure=True)
    android = (urlsplit(outward[0]).netloc if outward else f"10.0.2.2:{port}").removesuffix(":443")
    rule = [("  in Chromium", f'--host-resolver-rules="MAP {name}:443 127.0.0.1:{port}"')] if port != 443 else []
    is_for_devices = port == 443 and "." in name and not name.endswith(".localhost")
    options = "a dotted name at port 443: --https-port 443 --tls-name NAME"
    return [
        ("Web SDK", f'edgeDomain "{name}"'),
        *rule,
        ("Edge on Android", f'edge.domain "{android}"'),
        ("Edge on iOS, Roku", f'edge.domain "{name}"' if is_for_devices else f"edge.domain is {options}"),
    ]


def _remarks(service: Service) -> list[str]:
    place = service.place
    remarks = []
    if place.made_token:
        remarks.append(f"others can reach this server, so its control API requires the token {place.token}")
    if other := service.taken_by_others:
        remarks.append(
            f"another program has port {place.port} at {other}: use {place.url}, since localhost may lead to that one"
        )
    if reachable := place.reachable():
        remarks.append(f"devices reach it at {', '.join([*reachable, *place.reachable(secure=True)])}")
        if place.https_port is not None:
            remarks.append(f"set up trust on a device: {reachable[0]}/__admin/trust")
    return remarks
