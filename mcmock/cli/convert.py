"""`mcmock convert`: a session of one API as the other's requests. It reads and writes files; `mcmock.recordings` converts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from mcmock.analytics.views import SessionView
from mcmock.checks.timeline_text import plural
from mcmock.cli.check import judged
from mcmock.cli.saying import remark
from mcmock.protocols.base import Account
from mcmock.protocols.registry import known_protocols, protocol_named
from mcmock.recordings.conversion import Conversion
from mcmock.recordings.conversion import convert as converted
from mcmock.recordings.files import parted, session_in
from mcmock.serialization import ndjson

_NAMED = 10
"""Values that are named where there is no place for them; the rest is counted."""

_DEFAULT = Account()


@click.command()
@click.argument("recording", metavar="RECORDING")
@click.option(
    "--to",
    required=True,
    type=click.Choice([one.name for one in known_protocols()]),
    help="The API to write requests of.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write. [default: standard output]"
)
@click.option(
    "--datastream", default=_DEFAULT.datastream, show_default=True, help="The configId of Media Edge requests."
)
@click.option(
    "--report-suite",
    default=_DEFAULT.report_suite,
    show_default=True,
    help="analytics.reportSuite, where nothing says it.",
)
@click.option(
    "--tracking-server", default=_DEFAULT.tracking_server, show_default=True,
    help="analytics.trackingServer, where nothing says it.",
)  # fmt: skip
@click.option("--org-id", default=_DEFAULT.org_id, show_default=True, help="The organization, where nothing says it.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The --admin-token of a server whose log is read.")
def convert(
    recording: str, to: str, output: str | None, datastream: str, report_suite: str, tracking_server: str, org_id: str,
    token: str | None,
) -> None:  # fmt: skip
    """Write recorded sessions of one API as requests of the other.

    The output is a log that check, compare and replay take.
    RECORDING is what mcmock compare takes: all sessions in it, or the one that #ID names. Exits 2 if it cannot be read, or has
    no session.
    """
    name, session = parted(recording)
    done = judged(name, token=token)
    try:
        views: Sequence[SessionView] = (session_in(done, session),) if session or not done.sessions else done.sessions
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None
    account = Account(datastream, report_suite, tracking_server, org_id)
    conversion = converted(views, protocol_named(to), account)
    _write(b"".join(ndjson.write(conversion.exchanges)), output)
    _tell(conversion, len(views), output)


def _write(content: bytes, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"--output {output}: {error.strerror}") from None


def _tell(conversion: Conversion, sessions: int, output: str | None) -> None:
    written = f"{plural(len(conversion.exchanges), 'request')} of {plural(sessions, 'session')}"
    remark(f"wrote {written}{f' to {output}' if output else ''}")
    if conversion.not_taken:
        remark(f"{plural(conversion.not_taken, 'request')} left out: not taken when it was recorded, or after the end")
    if conversion.left_out:
        remark(f"no place for {_named(conversion.left_out)}")


def _named(left_out: Counter[str]) -> str:
    names = [name if count == 1 else f"{name} ({count} times)" for name, count in left_out.most_common(_NAMED)]
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return ", ".join(names) + more
