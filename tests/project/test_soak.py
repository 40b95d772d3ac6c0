"""The soak of bench/soak.py, in short: every player and the log agree, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.error import HTTPError

import pytest
import soak

from mcmock.testing.server import McmockServer


class Inside(soak.Reached):
    """A server of this process."""

    def __init__(self, server: McmockServer) -> None:
        super().__init__(server.url)
        self._server = server

    def left_behind(self) -> tuple[int, int]:
        """Tasks and connections on the server's loop, as it sees them itself, but for what takes connections."""

        async def count() -> tuple[int, int]:
            for _ in range(200):  # real time: the ends of the last connections have to arrive
                taking = service._server.taking
                tasks, open_now = len(asyncio.all_tasks()) - 1 - len(taking._listeners), taking.open_now()
                if tasks + open_now == 0:
                    break
                await asyncio.sleep(0.02)
            return tasks, open_now

        service: Any = self._server._thread.service
        return asyncio.run_coroutine_threadsafe(count(), self._server._thread._loop).result(10)


async def test_a_short_soak() -> None:
    """Waves of players with every fault, beside others whose scope is torn from under them."""
    with McmockServer() as server:
        inside = Inside(server)
        for scope in soak.SCOPES:
            await asyncio.to_thread(inside.control, "PUT", f"/faults?scope={scope}", {"faults": soak.FAULTS})
        for number in range(2):
            crowd = await soak.wave(inside, number, 24, 5)
            assert sum(player.answered.total() for player in crowd) > 24 * 10
            await asyncio.sleep(0.2)  # real time: the last connections' ends must reach the server
            assert await asyncio.to_thread(soak.disagreements, inside, crowd) == []
            for scope in soak.SCOPES:
                await asyncio.to_thread(inside.control, "DELETE", f"/requests?scope={scope}")
        assert await asyncio.to_thread(inside.left_behind) == (0, 0)


async def test_the_soak_sees_a_request_that_was_lost_and_one_that_was_doubled() -> None:
    with McmockServer() as server:
        inside = Inside(server)
        crowd = await soak.wave(inside, 0, 3, 1)
        assert await asyncio.to_thread(soak.disagreements, inside, crowd) == []
        crowd[0].answered["ping", 204] += 1
        assert "answered but not in the log" in (await asyncio.to_thread(soak.disagreements, inside, crowd))[0]
        crowd[0].answered = crowd[0].answered - Counter({("ping", 204): 2})
        assert len(await asyncio.to_thread(soak.disagreements, inside, crowd)) == 1


def test_control_without_a_body_says_nothing_of_its_type() -> None:
    """The soak's own way of asking is one that the control API takes."""
    with McmockServer() as server, pytest.raises(HTTPError, match="404"):
        Inside(server).control("DELETE", "/scopes/never-made")
