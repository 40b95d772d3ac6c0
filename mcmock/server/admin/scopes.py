"""The control API's routes for scopes: which there are, and the end of one."""

from __future__ import annotations

from typing import Any

from mcmock.core import wording
from mcmock.core.paging import page_by_name
from mcmock.engine.scopes import ScopeView
from mcmock.server.admin import listings
from mcmock.server.admin.request import AdminError, AdminRequest, Reply


async def handle_list(asked: AdminRequest) -> Reply:
    views = asked.scopes.views()
    shown, further = page_by_name(views, lambda view: view.name, *listings.names(asked))
    scopes = [await _to_json(asked, view, brief=listings.is_brief(asked)) for view in shown]
    return {"scopes": scopes, "total": len(views), "next": further}


async def handle_forget(asked: AdminRequest) -> Reply:
    name = asked.arguments["name"]
    emulator = asked.scopes.get(name) or asked.emulator
    if not await listings.emptied(asked, emulator, lambda: asked.scopes.forget(name)):
        raise AdminError(404, "unknown-scope", f"there is no named scope {wording.shown(name)} to forget")
    return {}


async def _to_json(asked: AdminRequest, view: ScopeView, *, brief: bool) -> dict[str, Any]:
    named = {"name": view.name, "idle": view.idle}
    return named if brief else {**named, "summary": (await listings.summary(asked, view.emulator))._asdict()}
