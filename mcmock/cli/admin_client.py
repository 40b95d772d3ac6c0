"""Putting a question to a running server's control API: what `find`, `wait` and `verify` have in common.

It reads `FIELD=VALUE` arguments as a query string is read, sends, and tells what went wrong in one line. It judges nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import click

from mcmock.cli.saying import say
from mcmock.core.match import from_query

DEFAULT_URL = "http://127.0.0.1:8410"

PATIENCE = 10.0
"""Real seconds that an answer may take beyond those that were asked for."""


class Server(NamedTuple):
    url: str
    token: str | None

    def ask(self, path: str, body: Any, seconds: float = 0.0) -> Any:
        """The answer to a POST, a GET where `body` is None. Raises click.ClickException, with one line, where there is none."""
        url = f"{self.url.rstrip('/')}/__admin{path}"
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        try:
            data = None if body is None else json.dumps(body).encode()
            with urlopen(Request(url, data, headers), timeout=seconds + PATIENCE) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:  # it is the answer, too
                raise refused(self.url, error.code, said(error)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise click.ClickException(f"{self.url} does not answer: {why(error)}; is mcmock running there?") from None


def why(error: Exception) -> str:
    """What kept an answer away, in words and without numbers."""
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason) or "the connection was lost"


def said(error: HTTPError) -> dict[str, str]:
    """The control API's own `code` and `message` in a refusal; empty where somebody else refused."""
    try:
        told = json.load(error)["error"]
        return {"code": str(told["code"]), "message": str(told["message"])}
    except (ValueError, KeyError, TypeError):
        return {}


def refused(url: str, status: int, told: dict[str, str]) -> click.ClickException:
    if status == 401:
        return click.UsageError(f"{url} requires a token: pass --token, or set MCMOCK_ADMIN_TOKEN")
    if told:
        return click.UsageError(told["message"])
    return click.ClickException(f"{url} answers {status}: is that a mcmock server?")


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the server is, and which requests are meant."""
    for option in (
        click.argument("match", nargs=-1, metavar="[FIELD=VALUE]…"),
        click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it has one."),
        click.option("--url", default=DEFAULT_URL, envvar="MCMOCK_URL", show_default=True, help="The server."),
    ):
        command = option(command)
    return command


def wanted(match: Sequence[str]) -> dict[str, Any]:
    """The Match of `event=ping playhead.min=10 params.media.id=film`. Raises click.UsageError for what is none."""
    pairs = []
    for one in match:
        name, sign, value = one.partition("=")
        if not sign:
            raise click.UsageError(f"{one!r} is not FIELD=VALUE, such as event=ping or playhead.min=10")
        pairs.append((name, value))
    try:
        return from_query(pairs).wanted
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def conclude(answer: dict[str, Any], as_json: bool) -> None:
    """Print a verification, and exit 1 unless it passed."""
    say(json.dumps(answer) if as_json else answer["message"])
    sys.exit(0 if answer["result"] == "pass" else 1)
