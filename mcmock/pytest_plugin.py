"""The pytest plugin: fixtures around one server per test run, reset at each test's set-up.

This file is imported by every pytest run of everyone who installed us, and before coverage starts to measure. It imports
nothing but pytest; aiohttp and the emulator come in with the first test that asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mcmock.fixture import McmockServer


@pytest.fixture(scope="session")
def mcmock_options() -> dict[str, Any]:
    """Options of the server that `mcmock_server` runs; override it in conftest.py."""
    return {}


@pytest.fixture(scope="session")
def _mcmock_running(mcmock_options: dict[str, Any]) -> Iterator[McmockServer]:
    from mcmock.fixture import McmockServer

    with McmockServer(**mcmock_options) as server:
        yield server


@pytest.fixture
def mcmock_server(_mcmock_running: McmockServer) -> McmockServer:
    """A running emulator. It is reset here, before the test, so that a late request of the last one cannot leak in."""
    _mcmock_running.reset()
    return _mcmock_running
