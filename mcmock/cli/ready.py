"""`mcmock ready`: is a server up? For HEALTHCHECK and for scripts that must wait."""

from __future__ import annotations

import os
import sys
from http.client import HTTPException
from time import monotonic, sleep
from urllib.error import HTTPError

import click

from mcmock.cli.admin_client import DEFAULT_URL, AdminClient, CouldNotAsk, is_absent, no_answer, proxy_of, why
from mcmock.cli.saying import remark

HEALTH = "/health"

PAUSE = 0.05
"""Seconds between two questions."""


def default_url() -> str:
    """Return where `mcmock serve` would listen with the same environment."""
    port = os.environ.get("MCMOCK_PORT", "")
    return f"http://127.0.0.1:{port}" if port.isdecimal() else DEFAULT_URL


@click.command()
@click.argument("url", required=False, envvar="MCMOCK_URL")
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for it.")
@click.option("--ca-file", type=click.Path(), envvar="MCMOCK_CA_FILE", help="The authority to trust, for an https URL.")
def ready(url: str | None, wait: float, ca_file: str | None) -> None:
    """Wait until the server at URL answers on its health route.

    Exits 0 once it answers 200, 1 if it does not in time, and 4 if it cannot be asked: a proxy is in the way, or its
    certificate is not trusted.
    """
    url = url or default_url()
    until = monotonic() + wait
    while (wrong := _wrong(url, ca_file)) is not None and monotonic() < until:
        sleep(PAUSE)
    if isinstance(wrong, CouldNotAsk):
        raise wrong
    if wrong is not None:
        remark(f"{AdminClient(url).address(HEALTH)} does not answer: {wrong}")
    sys.exit(0 if wrong is None else 1)


def _wrong(url: str, ca_file: str | None) -> str | CouldNotAsk | None:
    """Return why the server is not ready, or cannot be asked; None if it is ready."""
    try:
        with AdminClient(url, ca_file=ca_file).open(HEALTH, 2) as answer:
            return None if answer.status == 200 else f"status {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        health = AdminClient(url).address(HEALTH)
        is_asked = proxy_of(health) is None and (is_absent(error) or isinstance(error, HTTPError | HTTPException))
        return why(error) if is_asked else no_answer(health, error)
