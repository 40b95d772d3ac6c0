"""`mcmock ready`: is a server up? For HEALTHCHECK and for scripts that must wait."""

from __future__ import annotations

import os
import ssl
import sys
from http.client import HTTPException
from time import monotonic, sleep
from urllib.request import urlopen

import click

from mcmock.cli.admin_client import DEFAULT_URL, why
from mcmock.cli.saying import remark

PAUSE = 0.05
"""Seconds between two questions."""


def default_url() -> str:
    """Where `mcmock serve` would listen with the same environment."""
    port = os.environ.get("MCMOCK_PORT", "")
    return f"http://127.0.0.1:{port}" if port.isdecimal() else DEFAULT_URL


@click.command()
@click.argument("url", required=False, envvar="MCMOCK_URL")
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for it.")
@click.option("--ca-file", type=click.Path(), envvar="MCMOCK_CA_FILE", help="The authority to trust, for an https URL.")
def ready(url: str | None, wait: float, ca_file: str | None) -> None:
    """Exit 0 once the server at URL answers 200 on its health route, 1 if it does not in time."""
    health = f"{(url or default_url()).rstrip('/')}/__admin/health"
    until = monotonic() + wait
    while (wrong := _wrong(health, ca_file)) is not None and monotonic() < until:
        sleep(PAUSE)
    if wrong is not None:
        remark(f"{health} does not answer: {wrong}")
    sys.exit(0 if wrong is None else 1)


def _wrong(health: str, ca_file: str | None) -> str | None:
    """Why the server is not ready; None if it is."""
    try:
        secure = ssl.create_default_context(cafile=ca_file) if health.startswith("https") else None
        with urlopen(health, timeout=2, context=secure) as answer:
            return None if answer.status == 200 else f"status {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        return why(error)
