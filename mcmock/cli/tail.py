"""`mcmock tail`: follows a running server's log, one line a request.

It reads the server's event stream and writes lines; it connects again when the server went away, and goes on where it was.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from http.client import HTTPException
from typing import Any, NamedTuple, TextIO
from urllib.error import HTTPError

import click

from mcmock.checks.timeline_text import clip
from mcmock.cli.admin_client import AdminClient, no_answer, refused, said, why
from mcmock.cli.ready import default_url
from mcmock.cli.saying import remark
from mcmock.core.model import Exchange, Verdict
from mcmock.core.printable import printable
from mcmock.protocols.registry import protocol_named
from mcmock.serialization.json_shapes import exchange_from_json

STREAM = "/stream"

READ_TIMEOUT = 60.0
"""Real seconds without even a heartbeat after which the connection counts as lost."""

RECONNECT_DELAY = 1.0
"""Real seconds between two attempts to connect."""

WORDS = {
    # outcome      word       colour, on a terminal
    "good": ("GOOD", "green"),
    "bad": ("BAD", "red"),
    "ignored": ("IGNORED", "yellow"),
    "faulted": ("FAULT", "magenta"),
    "other": ("OTHER", "bright_black"),
}

SEVERITIES = ("error", "warning", "info")


@click.command()
@click.argument("url", required=False, envvar="MCMOCK_URL")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it has one.")
@click.option("--ca-file", type=click.Path(), envvar="MCMOCK_CA_FILE", help="The authority to trust, for an https URL.")
@click.option("--from-start", is_flag=True, help="Begin with what the log holds already.")
def tail(url: str | None, token: str | None, ca_file: str | None, from_start: bool) -> None:
    """Follow the log of the server at URL, a line for each request.

    A line has time, outcome, session, event, playhead, status and the first finding.
    """
    try:
        place = StreamPosition(AdminClient(url or default_url(), token, ca_file), 0 if from_start else None)
        _follow(place, sys.stdout)
    except FileNotFoundError:
        raise click.UsageError(f"--ca-file {ca_file}: no such file") from None
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # `mcmock tail | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class StreamPosition:
    """Where the reader stands: the stream's address, whom it asks for it, and the last seq that was read."""

    def __init__(self, client: AdminClient, last: int | None) -> None:
        self.url, self.last = client.address(STREAM), last
        self._client = client

    def open(self) -> Any:
        headers = {"Accept": "text/event-stream"}
        if self.last is not None:
            headers["Last-Event-ID"] = str(self.last)
        return self._client.open(STREAM, READ_TIMEOUT, headers)


def _follow(place: StreamPosition, out: TextIO) -> None:
    """Read for ever. Raises click.ClickException if there is nothing to read at the first attempt, or no right to."""
    connected = waiting = False
    while True:
        try:
            with place.open() as answer:
                connected, waiting = True, False
                _read(place, answer, out)
            lost = "it has stopped"
        except HTTPError as error:
            told = said(error)
            if told.get("code") != "unknown-scope":
                raise refused(place.url, error.code, told) from None
            connected, lost = True, "no request has come to this scope yet"
            place.last = place.last or 0  # those that make it are told, too
        except BrokenPipeError:
            raise
        except (OSError, HTTPException, ValueError) as error:
            if not connected:
                raise no_answer(place.url, error) from None
            lost = why(error)
        if not waiting:
            remark(f"{place.url}: {lost}; waiting")
            waiting = True
        time.sleep(RECONNECT_DELAY)


def _read(place: StreamPosition, lines: Iterable[bytes], out: TextIO) -> None:
    colour = out.isatty()
    for event in events(lines):
        if event.id is not None:
            place.last = int(event.id)
        if (text := line(event)) is not None:
            click.echo(text, file=out, color=colour)


# -- the stream -----------------------------------------------------------------------------------------------------------


class Event(NamedTuple):
    name: str
    id: str | None
    value: Any


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a text/event-stream, those that only move the reader's place among them; one cut off is none."""
    fields: dict[str, str] = {}
    for raw in lines:
        text = raw.decode().rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            yield Event(fields.get("event", ""), fields.get("id"), json.loads(fields.get("data", "null")))
            fields = {}


# -- a line ---------------------------------------------------------------------------------------------------------------


def line(event: Event) -> str | None:
    """Return what is printed of an event, with colours; None for what needs no line."""
    value = event.value
    if event.name == "exchange":
        return exchange_line(value)
    if event.name == "outcome":
        word, colour = WORDS[value["outcome"]]
        return click.style(f"{'':12} #{int(value['seq'])} is {word} now{_finding(value)}", fg=colour)
    if event.name == "missed":
        return _remark(f"{int(value['missed'])} requests left the log before they could be read")
    if event.name in ("cleared", "reset"):
        return _remark(f"the {'log was emptied' if event.name == 'cleared' else 'emulator was reset'}")
    return None


def _remark(text: str) -> str:
    return click.style(f"{'':12} -- {text}", fg="bright_black")


HEADING = f"{'time':<12} {'outcome':<7} {'session':<8} {'event':<16} {'playhead':>8} status"


def exchange_line(one: dict[str, Any]) -> str:
    """Return an exchange, in the JSON of the control API, as a line under HEADING, with colours."""
    word, colour = WORDS[one["outcome"]]
    time_of_day = datetime.fromtimestamp(one["at"]).strftime("%H:%M:%S.%f")[:-3]
    exchange = exchange_from_json(one)
    what = clip(one["eventType"] or f"{one['method']} {one['path']}", 40)
    fields = [
        time_of_day,
        click.style(f"{word:<7}", fg=colour),
        f"{clip((one['sessionId'] or '-')[:8], 8):<8}",
        f"{what:<16}",
        f"{_playhead(exchange):>8}",
        printable(str(one["status"])),
    ]
    return " ".join(fields) + (_finding(one) or _turned_away(exchange))


def _turned_away(exchange: Exchange) -> str:
    """Return what a 404 or a 410 said: the body was fine, so that nothing was found in it."""
    if exchange.verdict not in (Verdict.UNKNOWN, Verdict.GONE):
        return ""
    return "  " + clip(protocol_named(exchange.protocol.name).error_message(exchange.response_body), 100)


def _playhead(exchange: Exchange) -> str:
    return "-" if exchange.playhead is None else f"{exchange.playhead:.1f}"


def _finding(one: dict[str, Any]) -> str:
    """Return the fault, if one met the request, and the first of the worst that was found."""
    said = [f"fault {one['fault']['rule']}"] if one.get("fault") else []
    worst = sorted(one["findings"], key=lambda found: SEVERITIES.index(found["severity"]))
    said += [f"{found['rule']}: {found['message']}" for found in worst[:1]]
    return "  " + clip("; ".join(said), 100) if said else ""
