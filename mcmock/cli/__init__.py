"""The command line: one module per command. It parses, calls the core or a shell, and says what happened; it decides nothing.

Exit codes: 0 fine, 1 checks failed, 2 wrong usage or config (one line saying what and where), 3 cannot listen.
"""

from __future__ import annotations

import click

import mcmock
from mcmock.cli.ready import ready
from mcmock.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MCMOCK"})
@click.version_option(mcmock.__version__, prog_name="mcmock")
def main() -> None:
    """Adobe's Media Collection API on your laptop and in CI."""


main.add_command(serve)
main.add_command(ready)
