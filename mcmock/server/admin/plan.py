"""The control API's routes for the tracking plan; each calls one method of the Emulator."""

from __future__ import annotations

from mcmock.analytics import plan_format
from mcmock.serialization import json_shapes
from mcmock.server.admin import listings
from mcmock.server.admin.json_answers import answered
from mcmock.server.admin.request import AdminError, AdminRequest, Reply


async def handle_plan(asked: AdminRequest) -> Reply:
    plan = asked.emulator.plan
    return {"plan": dict(plan.source) if plan is not None else None}


async def handle_set(asked: AdminRequest) -> Reply:
    plan = plan_format.from_json(asked.body)
    try:
        asked.emulator.set_plan(plan)
    except ValueError as error:
        raise AdminError(409, "shared-state", str(error)) from None
    return await handle_plan(asked)


async def handle_lift(asked: AdminRequest) -> Reply:
    try:
        asked.emulator.set_plan(None)
    except ValueError as error:
        raise AdminError(409, "shared-state", str(error)) from None
    return {}


async def handle_coverage(asked: AdminRequest) -> Reply:
    window, queries = listings.window(asked), asked.emulator.queries
    return await answered(asked, lambda: json_shapes.coverage_to_json(queries.plan_coverage(), window))


async def handle_schema(asked: AdminRequest) -> Reply:
    return plan_format.schema()
