"""What the commands print goes out here, so that nothing in it works on the terminal. tail has colours, and does so itself."""

from __future__ import annotations

import click

from mcmock.core.printable import printable, printable_lines


def say(text: object, *, err: bool = False) -> None:
    """Print a text that was laid out in lines."""
    click.echo(printable_lines(str(text)), err=err)


def remark(text: object) -> None:
    """Write one line to stderr that says what mcmock has to tell beside its output."""
    click.echo(f"mcmock: {printable(str(text))}", err=True)
