"""`mcmock ready`: is a server up? For HEALTHCHECK and for scripts that must wait."""

from __future__ import annotations

import sys
from urllib.error import URLError
from urllib.request import urlopen

import click

DEFAULT_URL = "http://127.0.0.1:8410"


@click.command()
@click.argument("url", default=DEFAULT_URL)
def ready(url: str) -> None:
    """Exit 0 once the server at URL answers 200 on its health route, 1 if it does not."""
    health = f"{url.rstrip('/')}/__admin/health"
    try:
        with urlopen(health, timeout=2) as answer:
            sys.exit(0 if answer.status == 200 else 1)
    except (URLError, OSError, ValueError) as error:
        click.echo(f"mcmock: {health} does not answer: {error}", err=True)
        sys.exit(1)
