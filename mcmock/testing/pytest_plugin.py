"""The pytest plugin: one server per test run, prepared afresh at each test's set-up, and what a failing test has to show.

This file is imported by every pytest run of everyone who installed us, and before coverage starts to measure. It imports
nothing but pytest and the standard library; aiohttp and the emulator come in with the first test that asks for a fixture.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mcmock.core.model import Exchange
    from mcmock.testing.server import McmockServer

MARKER = """mcmock(strict, loose, after_end, seed, faults, preset, plan, clock, fail_on, allow): options of mcmock_server for \
this test; clock="frozen" stops the emulator's clock; fail_on ("never", "rejected", "lost", "warning") says what fails the test \
at its end, allow=["rule", ...] what is expected"""

JUDGING = ("fail_on", "allow")
"""The options of the check at the end of a test; the others are the server's."""

BLOCKED = """mcmock_server listens on a socket, and pytest-socket blocks those: run pytest with --allow-hosts=127.0.0.1,::1 \
(localhost), or mark the test with enable_socket"""

GOLDEN = "mcmock-golden"
"""The user property under which a test says which golden file it wrote."""
MAX_NAME = 150
"""Characters of a log file's name."""

_FIXTURES = {"mcmock_server", "make_mcmock_server", "mcmock_running"}

_SERVERS = pytest.StashKey[list["McmockServer"]]()
_ENDED_EARLY = pytest.StashKey[bool]()
_TOLD = pytest.StashKey[bool]()


# -- options --------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mcmock")
    group.addoption(
        "--mcmock-log", metavar="DIR", help="write the log of each failing test to DIR, one NDJSON file a test"
    )
    group.addoption("--mcmock-update", action="store_true", help="rewrite golden sessions that differ")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def mcmock_options() -> dict[str, Any]:
    """Options of the server that `mcmock_server` runs, and `fail_on` and `allow`; override it in conftest.py."""
    return {}


def _marked(node: pytest.Item, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of the marks on a test, its class and its module; the nearest has the last word."""
    from mcmock.testing.server import overlaid

    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("mcmock"))):
        for name in mark.kwargs:
            if name not in known:
                _refuse(name, known)
        if mark.args:
            pytest.fail("@pytest.mark.mcmock takes options by name only, as in mcmock(strict=True)", pytrace=False)
        options = overlaid(options, mark.kwargs)
    return options


def _refuse(name: str, known: tuple[str, ...]) -> None:
    from mcmock.core.wording import did_you_mean

    hint = did_you_mean(name, known)
    other = "; other options are for mcmock_options or make_mcmock_server"
    pytest.fail(f"@pytest.mark.mcmock has no option {name}{hint}; it takes {', '.join(known)}{other}", pytrace=False)


# -- fixtures -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mcmock_running(mcmock_options: dict[str, Any]) -> Iterator[McmockServer]:
    """Yield the server behind `mcmock_server`, for fixtures of wider scope that need its address. Nothing is checked or reset."""
    from mcmock.testing.server import McmockServer

    wrong, server = "", None
    try:
        _refuse_wrong_judging(mcmock_options)
        server = McmockServer(**_without_judging(mcmock_options))
        server.start()
    except (TypeError, ValueError) as error:
        wrong = f"mcmock_options: {error}"
    except RuntimeError as error:
        if not _is_blocked(error):
            raise
        wrong = BLOCKED
    if wrong or server is None:
        pytest.fail(wrong, pytrace=False)
    with server:
        yield server


def _is_blocked(error: RuntimeError) -> bool:
    return type(error).__name__ in ("SocketBlockedError", "SocketConnectBlockedError")


@pytest.fixture
def mcmock_server(
    mcmock_running: McmockServer, mcmock_options: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[McmockServer]:
    """A running emulator. It is prepared here, before the test, so that what the last one left cannot leak in.

    Fails the test at its end when something was lost that nothing in the test accounts for.
    """
    options = _marked(request.node, (*_per_test(), *JUDGING))
    judging = _judging(mcmock_options, options)
    options = _without_judging(options)
    if mcmock_options.get("seed") is None:
        options.setdefault("seed", _seed_for(mcmock_running.first_seed, request.node.nodeid))
    _prepare(mcmock_running, options)
    _attend(mcmock_running, request)
    yield mcmock_running
    _check(mcmock_running, request.node, judging)


@pytest.fixture
def make_mcmock_server(
    mcmock_options: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[Callable[..., McmockServer]]:
    """Starts further servers, each with options of its own, on ports of their own; stopped after the test."""
    from mcmock.testing.server import McmockServer

    default = _judging(mcmock_options, _marked(request.node, (*_per_test(), *JUDGING)))
    made: list[tuple[McmockServer, dict[str, Any]]] = []

    with ExitStack() as running:

        def make(**options: Any) -> McmockServer:
            judging = {**default, **{name: value for name, value in options.items() if name in JUDGING}}
            _refuse_wrong_judging(judging)
            server = running.enter_context(McmockServer(**_without_judging(options)))
            _attend(server, request)
            made.append((server, judging))
            return server

        yield make
        for server, judging in made:
            _check(server, request.node, judging)


def _per_test() -> tuple[str, ...]:
    from mcmock.testing.server import PER_TEST

    return PER_TEST


def _without_judging(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in JUDGING}


def _judging(project: dict[str, Any], marked: dict[str, Any]) -> dict[str, Any]:
    """Return what the check at the end goes by: the project's options, with the marks' over them. What is allowed adds up."""
    judging = {name: value for name, value in {**project, **marked}.items() if name in JUDGING}
    wrong = ""
    try:
        _refuse_wrong_judging(project)
        _refuse_wrong_judging(marked)
        if "allow" in judging:
            judging["allow"] = [*project.get("allow", ()), *marked.get("allow", ())]
    except ValueError as error:
        wrong = str(error)
    if wrong:
        pytest.fail(f"@pytest.mark.mcmock: {wrong}", pytrace=False)
    return judging


def _refuse_wrong_judging(options: dict[str, Any]) -> None:
    """Raises ValueError for a level or a rule there is not."""
    from mcmock.checks.verdict import allowed_of, fail_on_of

    fail_on_of(options.get("fail_on", "lost"))
    allowed_of(options.get("allow", ()))


def _seed_for(first: int, nodeid: str) -> int:
    """Return a seed of the test's own, so that a late request of another test meets no session of this one."""
    return int.from_bytes(hashlib.sha256(f"{first}/{nodeid}".encode()).digest()[:4], "big")


def _prepare(server: McmockServer, options: dict[str, Any]) -> None:
    wrong = ""
    server.start()  # the last test may have stopped it
    try:
        server.prepare(**options)
    except ValueError as error:
        wrong = str(error)
    if wrong:  # out here, so that the report shows one line and no chain of exceptions
        pytest.fail(f"@pytest.mark.mcmock: {wrong}", pytrace=False)


def _attend(server: McmockServer, request: pytest.FixtureRequest) -> None:
    """From here on the test is answerable for this server: its report tells of it, its goldens lie beside the test."""
    from mcmock.testing.golden import GoldenStore, on_build_server

    def wrote(path: Path) -> None:
        request.node.user_properties.append((GOLDEN, str(path)))

    update = bool(request.config.getoption("mcmock_update"))
    server.goldens = GoldenStore(request.path.parent, update, on_build_server(), wrote)
    request.node.stash.setdefault(_SERVERS, []).append(server)


# -- the check at the end of a test ---------------------------------------------------------------------------------------


def _check(server: McmockServer, item: pytest.Item, judging: dict[str, Any]) -> None:
    verdict = server.verdict(**judging)
    broken = server.emulator.requests(_match(verdict="broken"))
    if broken:
        from mcmock.core.printable import printable_lines

        traces = printable_lines("\n".join(finding.message for one in broken[:1] for finding in one.findings))
        pytest.fail(
            f"mcmock itself failed on {_listed(broken)}\nThis is a bug of mcmock.\n\n{traces}",
            pytrace=False,
        )
    if item.stash.get(_ENDED_EARLY, False) or verdict.passed:
        return
    rules = ", ".join(f'"{rule}"' for rule in verdict.rules)
    hint = f"If that is meant, ask for it (by status, verdict or rule) or mark the test @pytest.mark.mcmock(allow=[{rules}])."
    pytest.fail(f"mcmock: {verdict.message}\n{hint}", pytrace=False)


def _match(**wanted: Any) -> Any:
    from mcmock.core.match import Match

    return Match(wanted)


def _listed(exchanges: list[Exchange]) -> str:
    from mcmock.checks import timeline_text

    return timeline_text.listed(exchanges)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nothing is left of an earlier run of the test: plugins that try a failing test again run the same item."""
    item.stash[_SERVERS] = []
    item.stash[_TOLD] = False
    if "pyfakefs" in sys.modules and _FIXTURES & set(getattr(item, "fixturenames", ())):
        _read_own_files()


def _read_own_files() -> None:
    """Read what is read from files, before the fixture `fs` of pyfakefs hides them; each is kept once it was read."""
    from mcmock.protocols import json_schema
    from mcmock.protocols.registry import default_protocols
    from mcmock.server.admin import pages

    json_schema.prepare()
    default_protocols()
    pages.contents()


# -- the report of a failing test -----------------------------------------------------------------------------------------


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    item.stash[_ENDED_EARLY] = call.excinfo is not None  # a test that failed, or was skipped, is not checked as well
    servers = item.stash.get(_SERVERS, None)
    if not report.failed or not servers or item.stash.get(_TOLD, False):
        return
    item.stash[_TOLD] = True
    from mcmock.core.printable import printable

    for number, server in enumerate(servers, 1):
        seed = f"{server.url}, seed {server.emulator.seed}"
        report.sections.append(
            ("mcmock" if len(servers) == 1 else f"mcmock {number}", f"{printable(seed)}\n\n{server.story()}")
        )
    if folder := item.config.getoption("mcmock_log"):
        _write_logs(item.config.invocation_params.dir / folder, item.nodeid, servers)


def _write_logs(folder: Path, nodeid: str, servers: list[McmockServer]) -> None:
    from mcmock.serialization import ndjson

    folder.mkdir(parents=True, exist_ok=True)
    for number, server in enumerate(servers, 1):
        name = _file_name(nodeid) + ("" if number == 1 else f".{number}")
        with (folder / f"{name}.ndjson").open("wb") as file:
            file.writelines(ndjson.write(server.requests()))


def _file_name(nodeid: str) -> str:
    """Return a test's name as a file's; what is cut off is replaced by a digest, so that no two tests share one."""
    name = re.sub(r"[^\w.=-]+", "-", nodeid.replace("::", "--")).strip("-.")
    if name == nodeid.replace("::", "--").replace("/", "-") and len(name) <= MAX_NAME:
        return name
    return f"{name[:MAX_NAME]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which golden files were written: they want to be looked at and committed."""
    reports = [
        report for found in terminalreporter.stats.values() for report in found if hasattr(report, "user_properties")
    ]
    written = dict.fromkeys(value for report in reports for name, value in report.user_properties if name == GOLDEN)
    if written:
        from mcmock.core.printable import printable

        terminalreporter.section("mcmock", sep="-")
        for path in written:
            terminalreporter.write_line(f"wrote {printable(path)}")
