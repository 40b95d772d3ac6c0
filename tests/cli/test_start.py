"""What is imported before a command says or answers anything: names of modules, since no test can hold times."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from contextlib import closing

import click
import pytest

from mcmock.cli import COMMANDS, main, service
from mcmock.core.collector import LOOKS, no_collection
from tests.conftest import body
from tests.serving import Client, Serving


def imported_by(*arguments: str) -> set[str]:
    """Return the modules that `mcmock` has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mcmock", *arguments], capture_output=True, text=True, check=True
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_help_imports_no_command_and_nothing_that_commands_need() -> None:
    imported = imported_by("--help")
    assert not imported & {f"mcmock.cli.{name}" for name in (*COMMANDS, "options")}
    assert {name.split(".")[1] for name in imported if name.startswith("mcmock.")} == {"cli", "core"}
    assert not imported & {"aiohttp", "asyncio", "jsonschema", "fastjsonschema", "orjson", "ssl"}


def test_the_list_of_commands_says_what_their_own_help_begins_with() -> None:
    context = click.Context(main)
    for name, about in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=100) == about


LATE = {
    "questions": ("mcmock.analytics.processing", "mcmock.analytics.report", "mcmock.analytics.plan"),
    "checks": ("mcmock.checks.verification", "mcmock.checks.verdict", "mcmock.checks.comparison"),
    "the control API": ("mcmock.server.admin.routes", "mcmock.serialization.json_shapes"),
    "faults": ("mcmock.faults.presets", "mcmock.faults.builders", "mcmock.faults.loading", "mcmock.faults.losses"),
    "the other API": ("mcmock.protocols.media_edge.body", "mcmock.protocols.media_edge.identity"),
    "recordings": ("mcmock.recordings",),
    "stores": ("mcmock.storage.sqlite", "mcmock.storage.redis", "sqlite3"),
    "schemas": ("jsonschema", "referencing", "fastjsonschema"),
    "config files": ("tomllib",),
    "certificates": ("cryptography", "trustme"),
    "files of the package": ("importlib.resources",),
    "figures": ("statistics", "prometheus_client"),
}
"""What a server's first answer waits for no more, by what needs it."""


@pytest.mark.parametrize("request_line", ["GET /", "POST /api/v1/sessions", "OPTIONS /api/v1/sessions"])
def test_the_first_answer_waits_for_what_it_needs_alone(request_line: str) -> None:
    """Nothing is prepared beside it here, so that no machine is too slow for this."""
    tell = "signal.signal(signal.SIGUSR1, lambda *_: print(*sys.modules, flush=True))"
    first = f"import signal, sys\nfrom mcmock.cli import service\nservice.PREPARE_AFTER = 1e6\n{tell}"
    method, path = request_line.split()
    with Serving(first=first) as serving, closing(Client(serving.url)) as client:
        value = body("sessionStart") if method == "POST" else None
        assert client.ask(method, path, value)[0] in (204, 201, 404)
        serving.process.send_signal(signal.SIGUSR1)
        assert serving.process.stdout is not None
        imported = set(serving.process.stdout.readline().split())
    assert "mcmock.server.connection" in imported
    needed = {"fastjsonschema"} if method == "POST" else set()
    assert {name for names in LATE.values() for name in names} & imported == needed


def test_what_serve_prepares_beside_its_first_second_is_what_questions_and_odd_bodies_need() -> None:
    script = "import sys\nfrom mcmock import Emulator\nfrom mcmock.server import Service\n" \
             "Service(Emulator()).prepare()\nprint(*sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    prepared = set(done.stdout.split())
    needed = {
        name for use in ("questions", "checks", "the control API", "the other API", "schemas") for name in LATE[use]
    }
    assert needed - prepared == set()


def test_the_collector_is_off_only_while_it_is_asked_to_be() -> None:
    assert gc.isenabled()
    try:
        with no_collection():
            assert not gc.isenabled()
            with no_collection():
                pass
            assert not gc.isenabled()
            made: list[list[int]] = [[] for _ in range(10)]
        assert gc.isenabled()
        young = {id(one) for one in gc.get_objects(generation=0)}  # what is frozen is in no generation
        assert not young & {id(made), *map(id, made)}
    finally:
        gc.unfreeze()


def test_a_server_that_listens_collects() -> None:
    said = "print(gc.isenabled(), gc.get_freeze_count() > 0, gc.get_threshold(), flush=True)"
    ask = f"import gc, signal; signal.signal(signal.SIGUSR1, lambda *_: {said})"
    with Serving(first=ask) as serving:
        serving.process.send_signal(signal.SIGUSR1)
        assert serving.process.stdout is not None
        assert serving.process.stdout.readline() == f"True True {LOOKS}\n"


def test_what_is_prepared_beside_requests_gives_way_to_them() -> None:
    """In Python's usual interval, each system call of a request would wait for 5 ms."""
    usual, seen = sys.getswitchinterval(), list[float]()

    class Preparing:
        def prepare(self) -> None:
            seen.append(sys.getswitchinterval())
            raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        service._prepare(Preparing())  # type: ignore[arg-type]
    assert seen[0] == pytest.approx(service.GIVE_WAY_AFTER)
    assert seen[0] < usual / 10
    assert sys.getswitchinterval() == usual
