"""The control API's routes for faults, presets and the loss ledger; each calls one method of the Emulator."""

from __future__ import annotations

from typing import Any

from mcmock import faults
from mcmock.core.wording import shown
from mcmock.serialization import json_shapes
from mcmock.server.admin.request import AdminError, AdminRequest, Reply


async def handle_list(asked: AdminRequest) -> Reply:
    return {"faults": [json_shapes.fault_to_json(state) for state in asked.emulator.faults()]}


async def handle_one(asked: AdminRequest) -> Reply:
    return _state(asked, asked.arguments["name"])


async def handle_add(asked: AdminRequest) -> Reply:
    rule = faults.rule_from_json(asked.body)
    if any(state.rule.name == rule.name for state in asked.emulator.faults()):
        raise AdminError(
            409, "name-taken", f'there is already a fault "{rule.name}"; remove it first, or choose another name'
        )
    return _state(asked, asked.emulator.add_fault(rule).name)


async def handle_replace(asked: AdminRequest) -> Reply:
    asked.emulator.replace_faults(faults.load_value(asked.body))
    return await handle_list(asked)


async def handle_clear(asked: AdminRequest) -> Reply:
    asked.emulator.clear_faults()
    return {}


async def handle_remove(asked: AdminRequest) -> Reply:
    if not asked.emulator.remove_fault(asked.arguments["name"]):
        raise _no_fault(asked.arguments["name"])
    return {}


async def handle_schema(asked: AdminRequest) -> Reply:
    return faults.rule_schema()


async def handle_presets(asked: AdminRequest) -> Reply:
    return {"presets": [json_shapes.preset_to_json(preset) for preset in faults.PRESETS.values()]}


async def handle_apply(asked: AdminRequest) -> Reply:
    name = asked.arguments["name"]
    if name not in faults.PRESETS:
        raise AdminError(
            404, "unknown-preset", f"there is no preset {shown(name)}; the presets are {', '.join(faults.PRESETS)}"
        )
    return {"faults": [_state(asked, rule.name) for rule in asked.emulator.put_faults(faults.preset(name))]}


async def handle_losses(asked: AdminRequest) -> Reply:
    return json_shapes.losses_to_json(asked.emulator.losses())


def _state(asked: AdminRequest, name: str) -> dict[str, Any]:
    for state in asked.emulator.faults():
        if state.rule.name == name:
            return json_shapes.fault_to_json(state)
    raise _no_fault(name)


def _no_fault(name: str) -> AdminError:
    return AdminError(404, "unknown-fault", f"there is no fault {shown(name)}")
