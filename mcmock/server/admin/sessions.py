"""The control API's routes for one session and its report; each calls one method of the Emulator. `listings` lists them all."""

from __future__ import annotations

from typing import Any

from mcmock.analytics.views import SessionOutline
from mcmock.core import wording
from mcmock.serialization import json_shapes
from mcmock.server.admin import listings
from mcmock.server.admin.json_answers import answered
from mcmock.server.admin.request import AdminError, AdminRequest, Reply


async def handle_session(asked: AdminRequest) -> Reply:
    def told() -> dict[str, Any]:
        if listings.is_brief(asked):
            return json_shapes.outline_to_json(_outline(asked, asked.arguments["sid"]))
        shape = listings.session_shape(asked.emulator, asked.arguments["sid"])
        if shape is None:
            raise _no_session(asked.arguments["sid"])
        return shape

    return await answered(asked, told)


async def handle_report(asked: AdminRequest) -> Reply:
    return await _report(asked, asked.arguments["sid"])


async def handle_only_report(asked: AdminRequest) -> Reply:
    known = asked.emulator.session_ids()
    if len(known) == 1:
        return await _report(asked, known[0])
    if not known:
        raise AdminError(409, "no-session", "no session was opened, so there is no report")
    ids = ", ".join(known[:5])
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    raise AdminError(
        409, "several-sessions", f"there are {len(known)} sessions: ask for /sessions/{{sid}}/report of {ids}{more}"
    )


async def _report(asked: AdminRequest, session_id: str) -> Reply:
    def told() -> dict[str, Any]:
        return _outline(asked, session_id).report.to_json()

    return await answered(asked, told)


async def handle_expire(asked: AdminRequest) -> Reply:
    if not asked.emulator.expire(asked.arguments["sid"]):
        raise _no_session(asked.arguments["sid"])
    return {}


async def handle_forget(asked: AdminRequest) -> Reply:
    if not asked.emulator.forget(asked.arguments["sid"]):
        raise _no_session(asked.arguments["sid"])
    return {}


def _outline(asked: AdminRequest, session_id: str) -> SessionOutline:
    outline = asked.emulator.queries.outline(session_id)
    if outline is None:
        raise _no_session(session_id)
    return outline


def _no_session(session_id: str) -> AdminError:
    return AdminError(404, "unknown-session", f"there is no session {wording.named(session_id)}")
