"""The control API's routes for one session and its report; each calls one method of the Emulator. `listings` lists them all."""

from __future__ import annotations

from mcmock.analytics.views import SessionOutline
from mcmock.core import wording
from mcmock.serialization import json_shapes
from mcmock.server.admin import listings
from mcmock.server.admin.request import AdminError, AdminRequest, Reply


async def handle_session(asked: AdminRequest) -> Reply:
    if listings.is_brief(asked):
        return json_shapes.outline_to_json(_outline(asked))
    view = asked.emulator.session(asked.arguments["sid"])
    if view is None:
        raise _no_session(asked)
    return json_shapes.session_to_json(view)


async def handle_report(asked: AdminRequest) -> Reply:
    return dict(_outline(asked).report.to_json())


async def handle_only_report(asked: AdminRequest) -> Reply:
    outlines = asked.emulator.outlines()
    if len(outlines) == 1:
        return dict(outlines[0].report.to_json())
    if not outlines:
        raise AdminError(409, "no-session", "no session was opened, so there is no report")
    ids = ", ".join(outline.session.id for outline in outlines[:5])
    more = f" and {len(outlines) - 5} more" if len(outlines) > 5 else ""
    raise AdminError(
        409, "several-sessions", f"there are {len(outlines)} sessions: ask for /sessions/{{sid}}/report of {ids}{more}"
    )


async def handle_expire(asked: AdminRequest) -> Reply:
    if not asked.emulator.expire(asked.arguments["sid"]):
        raise _no_session(asked)
    return {}


async def handle_forget(asked: AdminRequest) -> Reply:
    if not asked.emulator.forget(asked.arguments["sid"]):
        raise _no_session(asked)
    return {}


def _outline(asked: AdminRequest) -> SessionOutline:
    outline = asked.emulator.queries.outline(asked.arguments["sid"])
    if outline is None:
        raise _no_session(asked)
    return outline


def _no_session(asked: AdminRequest) -> AdminError:
    return AdminError(404, "unknown-session", f"there is no session {wording.named(asked.arguments['sid'])}")
