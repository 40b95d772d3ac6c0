"""Lists of the control API: requests, sessions, counts; and one request of the log, and its emptying.

Lists go through a whole log, and take turns with everybody else. What a turn is, and what is found in one, is the Emulator's
business; between two of them the loop answers players. An answer is put together of pieces for the same reason: a list of a
hundred thousand exchanges is not one long piece of work.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from aiohttp import web

from mcmock.core import wording
from mcmock.core.match import Match, from_query
from mcmock.core.model import Exchange
from mcmock.engine import Emulator, Summary
from mcmock.engine.types import TIME_SLICE
from mcmock.serialization import json_shapes
from mcmock.server.admin.request import AdminError, AdminRequest, Reply

LISTING = ("since", "limit", "order", "brief")
SCOPE = "scope"
"""Which scope is meant; without it, the default one. Every route knows it."""
EVERY = "*"
"""The scope that `GET /summary` adds all scopes up for."""

PAGE = 1000
"""How many requests one answer lists unless `limit` says otherwise."""

MAX_DIGITS = 15
"""Digits of a number in a path or a query."""

_One = TypeVar("_One")


async def handle_requests(asked: AdminRequest) -> Reply:
    query = [(name, value) for name, value in asked.request.query.items() if name not in (*LISTING, SCOPE)]
    return await _listed(asked, from_query(query))


async def handle_find(asked: AdminRequest) -> Reply:
    if asked.body is not None and not isinstance(asked.body, dict):
        raise ValueError('the body must be a match such as {"event": "ping"}')
    if asked.body and "match" in asked.body:
        raise ValueError('here the body is the match itself, such as {"event": "ping"}: leave "match" out')
    return await _listed(asked, Match(asked.body))


async def handle_request(asked: AdminRequest) -> Reply:
    seq = asked.arguments["seq"]
    exchange = asked.emulator.request(int(seq)) if is_whole(seq) else None
    if exchange is None:
        raise AdminError(404, "unknown-request", f"there is no request {wording.named(seq)} in the log")
    return json_shapes.whole_to_json(exchange)


async def handle_clear(asked: AdminRequest) -> Reply:
    asked.emulator.clear_log()
    return {}


async def _listed(asked: AdminRequest, match: Match) -> Reply:
    since, limit = whole(asked, "since", 0), whole(asked, "limit", PAGE)
    order = asked.request.query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise ValueError(f"order must be asc or desc, not {wording.shown(order)}")
    # Where everything matches, the log's length says how many: a page of a long log costs no more than the page.
    everything = None if match.wanted else asked.emulator.queries.seq_range()
    shown, matched = await _found(
        asked.emulator.queries.requests_in_turns(match, since=since, newest_first=order == "desc"),
        limit,
        everything is not None,
    )
    if everything is not None:
        matched = len(range(max(everything.start, since + 1), everything.stop))
    rest = {
        "matched": matched,
        "evicted": asked.emulator.evicted,
        "next": shown[-1].seq if 0 < len(shown) < matched else None,
    }
    return await _answer("requests", map(_shape(asked), shown), rest)


async def _found(turns: Iterator[list[Exchange]], limit: int, is_enough: bool) -> tuple[list[Exchange], int]:
    """Return the first `limit` exchanges, and how many there are; not how many, if the first ones are enough."""
    shown: list[Exchange] = []
    matched = 0
    while not (is_enough and len(shown) >= limit) and (found := next(turns, None)) is not None:
        matched += len(found)
        shown += found[: limit - len(shown)]
        await asyncio.sleep(0)
    return shown, matched


async def handle_sessions(asked: AdminRequest) -> Reply:
    """Return every session, or the latest `limit` of them; of the brief ones a page unless `limit` says otherwise."""
    brief, ids = is_brief(asked), asked.emulator.session_ids()
    limit = whole(asked, "limit", PAGE if brief else len(ids))
    shape = _brief_session if brief else _session
    shapes_of = (shape(asked.emulator, one) for one in ids[max(0, len(ids) - limit) :])
    return await _answer("sessions", (one for one in shapes_of if one is not None), {})


def _brief_session(emulator: Emulator, session_id: str) -> dict[str, Any] | None:
    outline = emulator.queries.outline(session_id)
    return json_shapes.outline_to_json(outline) if outline is not None else None


def _session(emulator: Emulator, session_id: str) -> dict[str, Any] | None:
    view = emulator.session(session_id)
    return json_shapes.session_to_json(view) if view is not None else None


async def handle_summary(asked: AdminRequest) -> Reply:
    every = asked.request.query.get(SCOPE) == EVERY
    emulators = asked.scopes.each() if every else [asked.emulator]
    return dict(Summary(*map(sum, zip(*[await summary(one) for one in emulators], strict=True)))._asdict())


async def summary(emulator: Emulator) -> Summary:
    """Return the counts of one emulator, counted in turns."""
    return await last(emulator.queries.summary_in_turns())


async def last(turns: Iterable[_One]) -> _One:
    """Return the last of what a question in turns yields; others go on between two of them."""
    for latest in turns:  # noqa: B007 -- the last one is what this is about
        await asyncio.sleep(0)
    return latest


async def _answer(name: str, values: Iterable[Mapping[str, Any]], rest: Mapping[str, Any]) -> web.Response:
    """`{name: [values], **rest}` as JSON; made, and encoded, one value at a time."""
    loop, pieces = asyncio.get_running_loop(), [json.dumps({name: []})[:-2].encode()]
    began = loop.time()
    for value in values:
        pieces += [b", " if len(pieces) > 1 else b"", json.dumps(value).encode()]
        if loop.time() - began > TIME_SLICE:
            await asyncio.sleep(0)
            began = loop.time()
    pieces.append(b"]" + (b", " if rest else b"") + json.dumps(rest)[1:].encode())
    return web.Response(body=b"".join(pieces), content_type="application/json", charset="utf-8")


def is_brief(asked: AdminRequest) -> bool:
    """Return whether `brief=1` asks for exchanges without headers and bodies, for sessions without their lists."""
    return asked.request.query.get("brief", "0") not in ("", "0", "false")


def _shape(asked: AdminRequest) -> Callable[[Exchange], dict[str, Any]]:
    return json_shapes.brief_to_json if is_brief(asked) else json_shapes.exchange_to_json


def whole(asked: AdminRequest, name: str, otherwise: int) -> int:
    """Return a whole number of the query. Raises ValueError for anything else."""
    text = asked.request.query.get(name)
    if text is None:
        return otherwise
    if not is_whole(text):
        raise ValueError(f"{name} must be a whole number of at most {MAX_DIGITS} digits, not {wording.shown(text)}")
    return int(text)


def is_whole(text: str) -> bool:
    """Return whether the text is a whole number that every store can hold."""
    return text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS
