"""The control API's routes for the tracking plan; each calls one method of the Emulator."""

from __future__ import annotations

from mcmock.analytics import plan_format
from mcmock.serialization import json_shapes
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
    return json_shapes.coverage_to_json(await asked.answer(asked.emulator.queries.plan_coverage))


async def handle_schema(asked: AdminRequest) -> Reply:
    return plan_format.schema()
