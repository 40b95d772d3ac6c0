"""The soak of bench/soak.py, in short: every player and the log agree, and nothing is left behind."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mcmock.fixture import McmockServer


@pytest.fixture(scope="module")
def soaking() -> Any:
    spec = importlib.util.spec_from_file_location("soak", Path(__file__).parent.parent / "bench" / "soak.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Inside:
    """A server of this process, with the methods that the soak asks one of."""

    def __init__(self, server: McmockServer) -> None:
        self.url, self.port = server.url, int(server.url.rpartition(":")[2])
        self._server = server

    def control(self, method: str, path: str, value: Any = None) -> None:
        text = json.dumps(value if value is not None else {}).encode()
        urlopen(Request(f"{self.url}/__admin{path}", text, {"Content-Type": "application/json"}, method=method)).close()

    def log(self, scope: str) -> Iterator[dict[str, Any]]:
        with urlopen(f"{self.url}/__admin/requests.ndjson?scope={scope}") as lines:
            next(lines)
            yield from map(json.loads, lines)

    def left_behind(self) -> tuple[int, int]:
        """Tasks and connections on the server's loop, as it sees them itself."""

        async def count() -> tuple[int, int]:
            for _ in range(200):  # real time: the ends of the last connections have to arrive
                tasks, open_now = len(asyncio.all_tasks()) - 1, len(service._server.connections)
                if tasks + open_now == 0:
                    break
                await asyncio.sleep(0.02)
            return tasks, open_now

        service: Any = self._server._thread.service
        return asyncio.run_coroutine_threadsafe(count(), self._server._thread._loop).result(10)


async def test_a_short_soak(soaking: Any) -> None:
    """Waves of players with every fault, beside others whose scope is torn from under them."""
    with McmockServer() as server:
        inside = Inside(server)
        for scope in soaking.SCOPES:
            await asyncio.to_thread(inside.control, "PUT", f"/faults?scope={scope}", {"faults": soaking.FAULTS})
        for number in range(2):
            crowd = await soaking.wave(inside, number, 24, 5)
            assert sum(player.answered.total() for player in crowd) > 24 * 10
            await asyncio.sleep(0.2)  # real time: the last connections' ends must reach the server
            assert await asyncio.to_thread(soaking.disagreements, inside, crowd) == []
            for scope in soaking.SCOPES:
                await asyncio.to_thread(inside.control, "DELETE", f"/requests?scope={scope}")
        assert await asyncio.to_thread(inside.left_behind) == (0, 0)


async def test_the_soak_sees_a_request_that_was_lost_and_one_that_was_doubled(soaking: Any) -> None:
    with McmockServer() as server:
        inside = Inside(server)
        crowd = await soaking.wave(inside, 0, 3, 1)
        assert await asyncio.to_thread(soaking.disagreements, inside, crowd) == []
        crowd[0].answered["ping", 204] += 1
        assert "answered but not in the log" in (await asyncio.to_thread(soaking.disagreements, inside, crowd))[0]
        crowd[0].answered = crowd[0].answered - Counter({("ping", 204): 2})
        assert len(await asyncio.to_thread(soaking.disagreements, inside, crowd)) == 1


def test_control_without_a_body_says_nothing_of_its_type(soaking: Any) -> None:
    """The soak's own way of asking is one that the control API takes."""
    with McmockServer() as server, pytest.raises(HTTPError, match="404"):
        Inside(server).control("DELETE", "/scopes/never-made")
