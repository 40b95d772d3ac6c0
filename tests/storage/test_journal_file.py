"""A journal outlives the server that writes it: stopped, killed at any moment under load, and started again."""

from __future__ import annotations

import http.client
import random
import threading
import time
from pathlib import Path

import pytest

from mcmock.storage import read_journal
from mcmock.storage.sqlite import DURABILITY_DELAY
from tests.serving import Client, Serving

PLAYERS = 4


class Player(threading.Thread):
    """Sends pings as fast as they are answered until its server is gone; remembers when each was answered."""

    def __init__(self, url: str, path: str | None, first_ts: int) -> None:
        super().__init__()
        self._url, self.path, self._ts = url, path, first_ts
        self.answered: dict[int, float] = {}
        self.statuses: set[int] = set()

    def run(self) -> None:
        client = Client(self._url)
        try:
            self.path = self.path or client.start()
            while True:
                self._ts += 1
                self.statuses.add(client.send(self.path, ts=self._ts))
                self.answered[self._ts] = time.monotonic()
        except (OSError, http.client.HTTPException):
            client.close()


@pytest.mark.long
def test_killed_ten_times_under_load_no_answer_older_than_the_moment_is_lost(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    paths: list[str | None] = [None] * PLAYERS
    promised: set[int] = set()
    drawn = random.Random(1)
    for round_number in range(10):
        server = Serving("--journal", str(journal))
        first = 1_700_000_000_000 + round_number * 1_000_000
        players = [Player(server.url, path, first + number * 100_000) for number, path in enumerate(paths)]
        for player in players:
            player.start()
        time.sleep(DURABILITY_DELAY + drawn.uniform(0.05, 0.3))
        killed = time.monotonic()
        server.kill()
        for player in players:
            player.join()
        paths = [player.path for player in players]
        assert {status for player in players for status in player.statuses} == {204}, "a session did not live on"
        promised |= {ts for player in players for ts, at in player.answered.items() if at < killed - DURABILITY_DELAY}
    found = [exchange.ts for exchange in read_journal(journal) if exchange.event_type == "ping"]
    assert len(promised) > 200
    assert promised - set(found) == set()
    assert len(found) == len(set(found))


def test_a_server_that_is_stopped_writes_everything(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with Serving("--journal", str(journal), "--seed", "5") as server:
        client = Client(server.url)
        path = client.start()
        for ts in range(50):
            assert client.send(path, ts=ts) == 204
        client.admin("POST", "clock/advance", {"seconds": 60})
        told = client.admin("GET", "requests")["requests"]
        client.close()
    assert [exchange.seq for exchange in read_journal(journal)] == list(range(1, 52))
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        assert client.admin("GET", "requests")["requests"][:51] == told
        assert client.admin("GET", "clock")["now"] > time.time() + 55
        assert client.send(path, ts=50) == 204
        client.close()


def test_scopes_live_on_too(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with Serving("--journal", str(journal)) as server:
        client = Client(f"{server.url}/~one")
        path = client.start()
        client.close()
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        assert client.send(path) == 204
        assert client.admin("GET", "summary?scope=one")["total"] == 2
        assert client.admin("GET", "summary")["total"] == 0
        client.close()
