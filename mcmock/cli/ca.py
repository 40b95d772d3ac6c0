"""`mcmock ca`: the certificate authority that is kept for this user. It finds, shows and removes; `serve` makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mcmock.cli.saying import say
from mcmock.core import clock
from mcmock.server import certificates

NONE = "there is no certificate authority yet: `mcmock serve --https-port 8443` makes one"


def _with_state(command: Callable[..., Any]) -> Callable[..., Any]:
    about = "Where it is kept; otherwise the platform's folder for state."
    return click.option("--state-dir", type=click.Path(path_type=Path), envvar="MCMOCK_STATE_DIR", help=about)(command)


def _state(given: Path | None) -> Path:
    try:
        return given or certificates.state_folder()
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _existing(given: Path | None) -> certificates.Authority:
    try:
        authority = certificates.existing(_state(given), clock.wall())
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    if authority is None:
        raise click.ClickException(NONE)
    return authority


@click.group()
def ca() -> None:
    """The certificate authority that devices trust."""


@ca.command()
@_with_state
def path(state_dir: Path | None) -> None:
    """Print where its certificate is."""
    click.echo(_existing(state_dir).path)  # as it is: for scripts


@ca.command()
@_with_state
def show(state_dir: Path | None) -> None:
    """Print the certificate, its fingerprint and its end."""
    authority = _existing(state_dir)
    say(f"file         {authority.path}")
    say(f"fingerprint  {authority.fingerprint()}")
    say(f"valid until  {authority.ends():%Y-%m-%d}")
    say(authority.pem.decode().rstrip())


@ca.command()
@_with_state
def remove(state_dir: Path | None) -> None:
    """Forget it, certificate and key. Devices that trusted it should forget it, too."""
    state = _state(state_dir)
    try:
        removed = certificates.remove(state)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    if not removed:
        raise click.ClickException(NONE)
    say(f"removed {state / 'ca'}; remove it from the devices that trusted it, too")
