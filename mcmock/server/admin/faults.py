"""The control API's routes for faults, presets and the loss ledger; each calls one method of the Emulator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from mcmock import faults
from mcmock.core import turns
from mcmock.core.paging import page_by_name
from mcmock.core.wording import shown
from mcmock.faults import FaultRule
from mcmock.serialization import json_shapes
from mcmock.server.admin import listings
from mcmock.server.admin.json_answers import answered
from mcmock.server.admin.request import AdminError, AdminRequest, Reply
from mcmock.server.presence import Presence


async def handle_list(asked: AdminRequest) -> Reply:
    since, limit = listings.names(asked)
    return await answered(asked, lambda: json_shapes.faults_to_json(asked.emulator.fault_page(since, limit)))


async def handle_one(asked: AdminRequest) -> Reply:
    return _state(asked, asked.arguments["name"])


async def handle_add(asked: AdminRequest) -> Reply:
    rule = faults.rule_from_json(asked.body)
    if rule.name and asked.emulator.fault(rule.name) is not None:
        raise AdminError(
            409, "name-taken", f'there is already a fault "{rule.name}"; remove it first, or choose another name'
        )
    await _judge_for([rule], asked)
    return _state(asked, asked.emulator.add_fault(rule).name)


async def handle_replace(asked: AdminRequest) -> Reply:
    rules = await asked.answer(lambda: faults.load_value(asked.body))
    await _judge_for(rules, asked)
    asked.emulator.replace_faults(rules)
    return await answered(asked, lambda: json_shapes.faults_to_json(asked.emulator.fault_page()))


async def handle_clear(asked: AdminRequest) -> Reply:
    asked.emulator.clear_faults()
    await end_refusal(asked)
    return {}


async def handle_remove(asked: AdminRequest) -> Reply:
    if not asked.emulator.remove_fault(asked.arguments["name"]):
        raise _no_fault(asked.arguments["name"])
    return {}


async def handle_schema(asked: AdminRequest) -> Reply:
    return faults.rule_schema()


async def handle_presets(asked: AdminRequest) -> Reply:
    known = [*faults.PRESETS.values()]
    presets, further = page_by_name(known, lambda preset: preset.name, *listings.names(asked))
    return {"presets": [*map(json_shapes.preset_to_json, presets)], "total": len(known), "next": further}


async def handle_apply(asked: AdminRequest) -> Reply:
    name = asked.arguments["name"]
    if name not in faults.PRESETS:
        raise AdminError(
            404, "unknown-preset", f"there is no preset {shown(name)}; the presets are {', '.join(faults.PRESETS)}"
        )
    rules = faults.preset(name)
    await _judge_for(rules, asked)
    return {"faults": [_state(asked, rule.name) for rule in asked.emulator.put_faults(rules)]}


async def _judge_for(rules: Iterable[FaultRule], asked: AdminRequest) -> None:
    """Judge in turns what has come, if one of the rules is about that: its first request would do it in one piece."""

    def judge() -> None:
        if any(rule.foresees for rule in turns.paused(rules)):
            asked.emulator.summary()

    await asked.answer(judge)


async def handle_losses(asked: AdminRequest) -> Reply:
    window = listings.window(asked, listings.PAGE)
    return await answered(asked, lambda: json_shapes.losses_to_json(asked.emulator.queries.loss_page(*window)))


# -- a server that is not there -------------------------------------------------------------------------------------------


async def handle_refusal(asked: AdminRequest) -> Reply:
    return _refusal_to_json(asked, _presence(asked))


async def handle_refuse(asked: AdminRequest) -> Reply:
    """Refuse from now on. Where players and the control API share a port, this connection ends with the answer."""
    presence, seconds = _presence(asked), faults.refusal_from_json(asked.body).for_seconds
    at_most = seconds if asked.place.admin_port is None else None
    try:
        await presence.refuse(seconds, at_most=at_most, asking=asked.request.protocol)
    except OSError as error:
        raise AdminError(503, "not-refused", f"not every process refuses connections: {error}") from None
    reply = web.json_response(_refusal_to_json(asked, presence))
    if asked.place.admin_port is None:
        reply.force_close()
    return reply


async def handle_listen(asked: AdminRequest) -> Reply:
    _presence(asked)
    await end_refusal(asked)
    return {}


async def end_refusal(asked: AdminRequest) -> None:
    """Listen again, if it is a refusal that keeps the server from that, and it is not a scope that is asked about."""
    if asked.presence is not None and asked.is_about_all:
        try:
            await asked.presence.end()
        except OSError as error:
            raise AdminError(503, "cannot-listen", f"cannot listen again: {error}; trying again") from None


def _presence(asked: AdminRequest) -> Presence:
    if not asked.is_about_all:
        raise AdminError(
            409, "whole-server", "a refusal is of the server with all its scopes: ask without naming a scope"
        )
    if asked.presence is None:
        raise AdminError(409, "not-our-port", "mcmock is part of another server here, whose port is not its own")
    return asked.presence


def _refusal_to_json(asked: AdminRequest, presence: Presence) -> dict[str, Any]:
    until = presence.refused.until if presence.refused is not None else None
    return {"refusing": until is not None, "until": until, "adminUrl": asked.place.admin_url}


def _state(asked: AdminRequest, name: str) -> dict[str, Any]:
    state = asked.emulator.fault(name)
    if state is None:
        raise _no_fault(name)
    return json_shapes.fault_to_json(state)


def _no_fault(name: str) -> AdminError:
    return AdminError(404, "unknown-fault", f"there is no fault {shown(name)}")
