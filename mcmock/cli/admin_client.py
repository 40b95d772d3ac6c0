"""Putting a question to a running server's control API: what the commands that ask have in common.

It reads `FIELD=VALUE` arguments as a query string is read, sends, and tells what went wrong in one line. It judges nothing.
A server on this machine is asked directly, whatever HTTP_PROXY says: a proxy elsewhere cannot reach our loopback.
"""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener, getproxies, proxy_bypass

import click

from mcmock.cli.saying import say
from mcmock.core import http
from mcmock.core.match import from_query
from mcmock.core.wording import shown

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8410"

TIMEOUT = 10.0
"""Real seconds that an answer may take beyond those that were asked for."""


class AdminClient:
    """Asks the control API of the server at `url`, with its token, trusting the authority in `ca_file`.

    Raises OSError where that file cannot be read.
    """

    def __init__(self, url: str, token: str | None = None, ca_file: str | None = None) -> None:
        self.url = url
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._secure = ssl.create_default_context(cafile=ca_file) if ca_file and url.startswith("https") else None

    def ask(self, path: str, body: Any, seconds: float = 0.0) -> Any:
        """The answer to a POST, a GET where `body` is None. Raises click.ClickException, with one line, where there is none."""
        return self._read(path, body, seconds, json.load)

    def download(self, path: str) -> bytes:
        """Return the answer to a GET as it comes. Raises click.ClickException, with one line, where there is none."""
        return self._read(path, None, 0.0, lambda answer: bytes(answer.read()))

    def _read(self, path: str, body: Any, seconds: float, read: Callable[[Any], T]) -> T:
        try:
            data = None if body is None else json.dumps(body).encode()
            with self.open(path, seconds + TIMEOUT, {"Content-Type": "application/json"}, data) as answer:
                return read(answer)
        except HTTPError as error:
            with error:  # it is the answer, too
                raise refused(self.url, error.code, said(error)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise no_answer(self.url, error) from None

    def open(
        self, path: str, timeout: float, headers: Mapping[str, str] | None = None, data: bytes | None = None
    ) -> Any:
        """Return the answer to a GET, or a POST of `data`, to be read and closed. Raises what `open_url` raises."""
        request = Request(self.address(path), data, {**(headers or {}), **self._authorization})
        return open_url(request, timeout, self._secure)

    def address(self, path: str) -> str:
        """Return the whole URL of a path of the control API."""
        return f"{self.url.rstrip('/')}/__admin{path}"


class CouldNotAsk(click.ClickException):
    """No answer of a mcmock server has come, so nothing is known: neither passed nor failed."""

    exit_code = 4


def open_url(request: Request, timeout: float, secure: ssl.SSLContext | None = None) -> Any:
    """Return the answer to `request`. Raises click.UsageError for what is not a URL, and what urllib raises.

    Loopback is asked directly; for other hosts HTTP_PROXY, HTTPS_PROXY and NO_PROXY count, as urllib reads them.
    """
    place = _place(request.full_url)
    handlers: list[Any] = [HTTPSHandler(context=secure)]
    if http.is_loopback(place.hostname or ""):
        handlers.append(ProxyHandler({}))
    return build_opener(*handlers).open(request, timeout=timeout)


def proxy_of(url: str) -> str | None:
    """Return the proxy by which `url` is asked, without its password; None where it is asked directly."""
    place = _place(url)
    host = place.hostname or ""
    proxy = getproxies().get(place.scheme)
    if proxy is None or http.is_loopback(host) or proxy_bypass(f"{host}:{place.port}" if place.port else host):
        return None
    return f"{proxy.partition('://')[0]}://{proxy.rpartition('@')[2]}" if "@" in proxy else proxy


def _place(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        wrong = place.scheme not in ("http", "https") or not place.hostname or place.port == 0
    except ValueError:  # a port that is no number, brackets without an address
        wrong = True
    if wrong:
        raise click.UsageError(f"{shown(url.partition('/__admin')[0])} is not a URL, such as {DEFAULT_URL}")
    return place


def no_answer(url: str, error: Exception) -> CouldNotAsk:
    """Return what to raise where `url` does not answer: it names the proxy that stood between, if one did."""
    proxy = proxy_of(url)
    if proxy is None:
        hint = "; is mcmock running there?" if is_absent(error) else ""
        return CouldNotAsk(f"{url} does not answer: {why(error)}{hint}")
    return CouldNotAsk(f"{url} cannot be asked by the proxy {proxy}: {why(error)}; {_ask_directly(url)}")


def _ask_directly(url: str) -> str:
    return f"set NO_PROXY={_place(url).hostname} to ask it directly"


def is_absent(error: Exception) -> bool:
    """Return whether nobody listens there, as opposed to somebody who cannot be asked."""
    return isinstance(getattr(error, "reason", error), ConnectionRefusedError | ConnectionResetError | TimeoutError)


def why(error: Exception) -> str:
    """Return what kept an answer away, in words and without numbers."""
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason) or "the connection was lost"


def said(error: HTTPError) -> dict[str, str]:
    """Return the control API's own `code` and `message` in a refusal; empty where somebody else refused."""
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
    if (proxy := proxy_of(url)) is not None:
        return CouldNotAsk(f"{url} answers {status} by the proxy {proxy}; {_ask_directly(url)}")
    return CouldNotAsk(f"{url} answers {status}: is that a mcmock server?")


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return where the server is, and which requests are meant."""
    for option in (
        click.argument("match", nargs=-1, metavar="[FIELD=VALUE]…"),
        click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it has one."),
        click.option("--url", default=DEFAULT_URL, envvar="MCMOCK_URL", show_default=True, help="The server."),
    ):
        command = option(command)
    return command


def wanted(match: Sequence[str]) -> dict[str, Any]:
    """Return the Match of `event=ping playhead.min=10 params.media.id=film`. Raises click.UsageError for what is none."""
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


def conclude(answer: dict[str, Any], form: str) -> None:
    """Print a verification as "text", "json" or "github", and exit 1 unless it passed."""
    if form == "github":
        from mcmock.cli import github  # late: it loads what judges recordings

        say(github.verification(answer))
    else:
        say(json.dumps(answer) if form == "json" else answer["message"])
    sys.exit(0 if answer["result"] == "pass" else 1)
