"""`mcmock report`: what Analytics would count of a running server's sessions. It asks and prints; it counts nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click

from mcmock.analytics.text import report_text
from mcmock.checks import timeline_text
from mcmock.cli.admin_client import AdminClient
from mcmock.cli.ready import default_url
from mcmock.cli.saying import say

_COLUMNS = "{:<10}{:<11}{:>9}  {:>9}  {:>4}  {:>8}  {}"


@click.command()
@click.argument("where", nargs=-1, metavar="[URL] [SID]")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it has one.")
@click.option("--all", "everything", is_flag=True, help="Every number, and every session's.")
@click.option("--json", "as_json", is_flag=True, help="The report as the control API has it.")
@click.option("--scope", metavar="NAME", help="The sessions of one scope, where several share the server.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The latest so many sessions.")
def report(
    where: tuple[str, ...], token: str | None, everything: bool, as_json: bool, scope: str | None, limit: int
) -> None:
    """Print what Analytics would count.

    URL is the server, SID the id of a session or its first letters. Without SID: the report of the only session, or a
    line for each of them.
    """
    url, session_id = _place(where)
    server, query = AdminClient(url, token), f"&scope={quote(scope)}" if scope else ""
    reports = [_Report(one, server, query) for one in _sessions(server, session_id, limit, query)]
    if as_json:
        found = [one.report for one in reports]
        say(json.dumps(found[0] if session_id is not None else {"sessions": found}, indent=2))
    else:
        say(_text(reports, everything))


def _place(where: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the server and the session: one argument alone is a session if it cannot be a server."""
    if len(where) > 2:
        raise click.UsageError(f"{where[2]!r} is one argument too many: give [URL] [SID]")
    urls = [one for one in where if "://" in one]
    others = [one for one in where if "://" not in one]
    if len(others) > 1 or len(urls) > 1:
        raise click.UsageError(f"{where[0]!r} is not a URL, such as {default_url()}")
    return urls[0] if urls else os.environ.get("MCMOCK_URL") or default_url(), others[0] if others else None


class _Report:
    """A session in brief, and its report once somebody looks at it."""

    def __init__(self, session: Mapping[str, Any], server: AdminClient, query: str) -> None:
        self.session = session
        self.report: dict[str, Any] = server.ask(f"/sessions/{quote(session['id'])}/report?{query}", None)


def _sessions(server: AdminClient, session_id: str | None, limit: int, query: str) -> list[dict[str, Any]]:
    """Return the sessions that are meant. Raises click.ClickException if there is none, or if SID begins several ids."""
    known = _latest(server, limit, query) if session_id is None else _every(server, query)
    found = [one for one in known if one["id"].startswith(session_id or "")]
    if not found:
        raise click.ClickException(f"no session {session_id}…" if session_id else "no session has been opened yet")
    if session_id is not None and len(found) > 1:
        raise click.UsageError(f"{session_id}… is the beginning of {len(found)} session ids: give more of it")
    return found


def _latest(server: AdminClient, limit: int, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(f"/sessions?brief=1&limit={limit}{query}", None)["sessions"]
    return found


def _every(server: AdminClient, query: str) -> Iterator[dict[str, Any]]:
    """Yield all sessions, a page at a time, the latest page first."""
    before = ""
    while before is not None:
        page = server.ask(f"/sessions?brief=1{query}{f'&before={quote(before)}' if before else ''}", None)
        yield from page["sessions"]
        before = page["next"]


def _text(reports: list[_Report], everything: bool) -> str:
    if len(reports) == 1 or everything:
        return "\n\n".join("\n".join([report_text(one.report, everything), *_findings(one)]) for one in reports)
    return "\n".join(
        [_COLUMNS.format("session", "state", "content", "ads", "num", "findings", "media"), *map(_line, reports)]
    )


def _findings(one: _Report) -> Iterator[str]:
    counts = {severity: count for severity, count in one.session["findingCounts"].items() if count}
    if counts:
        yield f"\n  findings: {', '.join(f'{count} {severity}' for severity, count in counts.items())}"
    for finding in one.session["findings"]:
        yield timeline_text.wrapped(f"{finding['severity']} {finding['rule']}: {finding['message']}", "    ")


def _line(one: _Report) -> str:
    exact, session = one.report["exact"], one.session
    line = _COLUMNS.format(
        session["id"][:8], timeline_text.clip(session["state"], 10), f"{exact['contentTimeSpent']:.1f} s",
        f"{exact['adTimeSpent']:.1f} s", exact["adCount"], sum(session["findingCounts"].values()) or "–",
        session["media"].get("media.id", "–"),
    )  # fmt: skip
    return timeline_text.clip(line.rstrip(), 79)
