"""The plugin as a user meets it: whole pytest runs in folders of their own, and what they print."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from contextlib import suppress
from importlib import import_module
from inspect import signature

import pytest

from mcmock import faults
from mcmock.cli.options import EMULATOR, OPTIONS
from mcmock.engine import Emulator, policy
from mcmock.testing import pytest_plugin
from mcmock.testing.server import PER_TEST, McmockServer

pytest_plugins = ["pytester"]

PLAYER = '''
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

START = {"media.id": "film-1", "media.length": 60, "media.contentType": "vod", "media.playerName": "p",
         "media.channel": "c", "analytics.trackingServer": "t.example", "analytics.reportSuite": "s",
         "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg"}


class Player:
    """A player that counts its own time: each event is a second after the one before."""

    def __init__(self, url):
        self.url, self.ts = url, 1_700_000_000_000
        self.path = self.send("sessionStart", 0, "/api/v1/sessions", params=START)[1] + "/events"

    def send(self, event, playhead=0, path=None, **parts):
        self.ts += 1000
        body = {"eventType": event, "playerTime": {"playhead": playhead, "ts": self.ts}, **parts}
        return post(self.url + (path or self.path), json.dumps(body).encode())


def post(url, text):
    request = Request(url, text, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers.get("Location")
    except HTTPError as error:
        with error:
            return error.code, None
'''


@pytest.fixture(autouse=True)
def _an_ordinary_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a build server, and no options of ours handed down."""
    for name in ("CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An otherwise empty project with a player to test."""
    for name in ("cryptography.x509", "cryptography.hazmat.primitives.asymmetric.ec", "trustme"):
        with suppress(ImportError):  # pytester forgets what its runs import first: there must not be two of these
            import_module(name)
    pytester.makepyfile(player=PLAYER)
    options = (
        "addopts = --strict-markers",
        "asyncio_default_fixture_loop_scope = function",
        "filterwarnings =",
        "  error",
    )
    editable = (
        "  ignore:Module already imported so cannot be rewritten"  # pytest, of a plugin that is installed with -e
    )
    pytester.makeini("\n".join(["[pytest]", *options, editable]))
    return pytester


def run(project: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    project.makepyfile(test_it=textwrap.dedent(text))
    return project.runpytest("-p", "no:cacheprovider", "-p", "no:randomly", *options)  # their order is meant


def test_a_sync_test_sends_waits_and_asks(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        from player import Player

        def test_view(mcmock_server):
            player = Player(mcmock_server.url)
            player.send("play")
            player.send("ping", 1)
            player.send("sessionComplete", 2)
            assert len(mcmock_server.wait_for(event="ping")) == 1
            mcmock_server.assert_received(event="play", count=1)
            mcmock_server.assert_never(event="adStart")
            mcmock_server.assert_sequence(["sessionStart", "play", "ping*", "sessionComplete"])
            assert mcmock_server.session().report.content_completes == 1
        """,
    )
    found.assert_outcomes(passed=1)


def test_async_tests_wait_without_blocking_their_loop(project: pytest.Pytester) -> None:
    """Under pytest-asyncio's modes and pytest-aiohttp alike: the client runs on the very loop that waits."""
    text = """
        import asyncio
        import aiohttp
        import pytest
        from player import START

        @pytest.mark.asyncio
        async def test_view(mcmock_server):
            async def play():
                now = int(mcmock_server.emulator.now * 1000)
                body = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": now}, "params": START}
                url = mcmock_server.url + "/api/v1/sessions"
                async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
                    return answer.status

            task = asyncio.create_task(play())
            (found,) = await mcmock_server.wait_for_async(event="sessionStart", timeout=5)
            assert found.status == 201
            assert await task == 201
            await mcmock_server.assert_never_async(event="ping", within=0.01)
            with pytest.raises(AssertionError, match="but none came"):
                await mcmock_server.wait_for_async(event="play", timeout=0.01)
        """
    for options in (["-o", "asyncio_mode=strict"], ["-o", "asyncio_mode=auto"]):
        run(project, text, *options).assert_outcomes(passed=1)


def test_aiohttp_client_serves_the_same_emulator(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import mcmock

        async def test_app(aiohttp_client, mcmock_server):
            client = await aiohttp_client(mcmock.create_app(mcmock_server.emulator))
            answer = await client.get("/api/v1/schemas/ping")
            assert answer.status == 200
            assert mcmock_server.request(kind="schema").status == 200
        """,
        "-o",
        "asyncio_mode=auto",
    )
    found.assert_outcomes(passed=1)


def test_each_xdist_worker_has_a_server_of_its_own(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import os
        import pytest
        from player import Player

        @pytest.mark.parametrize("number", range(8))
        def test_one(mcmock_server, number):
            Player(mcmock_server.url)
            mcmock_server.assert_received(count=1)
            print("at", os.environ["PYTEST_XDIST_WORKER"], mcmock_server.url)
        """
    )
    found = project.runpytest_subprocess("-n", "2", "-rP", "-p", "no:cacheprovider")
    found.assert_outcomes(passed=8)
    places = {tuple(line.split()[1:]) for line in found.outlines if line.startswith("at gw")}
    assert len(places) == len({worker for worker, _ in places}) == len({url for _, url in places}) == 2


def test_it_can_be_switched_off(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import sys

        def test_nothing_is_loaded(pytestconfig):
            assert "mcmock" not in sys.modules
            assert not pytestconfig.pluginmanager.hasplugin("mcmock")
        """
    )
    project.runpytest_subprocess("-p", "no:mcmock", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_without_the_plugin_the_server_is_a_context_manager(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        from mcmock.fixture import McmockServer
        from player import Player

        def test_it():
            with McmockServer(seed=7) as server:
                Player(server.url)
                server.assert_received(event="sessionStart")
        """
    )
    project.runpytest_subprocess("-p", "no:mcmock", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_fixtures_of_any_scope_may_use_it(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest
        from player import Player

        @pytest.fixture(scope="session")
        def backend(mcmock_running):
            return mcmock_running.url

        @pytest.fixture(scope="module")
        def module_wide(mcmock_running):
            return mcmock_running

        @pytest.fixture
        def player(mcmock_server):
            return Player(mcmock_server.url)

        @pytest.fixture(autouse=True)
        async def around(mcmock_server):
            yield
            mcmock_server.assert_received(event="sessionStart", count=1)

        def test_one(player, backend, mcmock_server, module_wide):
            assert backend == mcmock_server.url
            assert module_wide is mcmock_server

        async def test_two(player):
            player.send("play")
        """,
        "-o",
        "asyncio_mode=auto",
    )
    found.assert_outcomes(passed=2)


def test_nothing_leaks_from_one_test_into_the_next(project: pytest.Pytester) -> None:
    """Not the log, not the clock, not the mode, and no session under the same id."""
    found = run(
        project,
        """
        import time
        import pytest
        from player import Player

        late = []

        @pytest.mark.mcmock(strict=True, clock="frozen", after_end="drop")
        def test_one(mcmock_server):
            late.append(Player(mcmock_server.url))
            assert mcmock_server.emulator.frozen
            mcmock_server.clock.advance(1000)

        def test_two(mcmock_server):
            assert mcmock_server.summary().total == 0
            assert mcmock_server.sessions() == []
            assert mcmock_server.emulator.mode == "default"
            assert abs(mcmock_server.clock.now() - time.time()) < 60
            Player(mcmock_server.url)
            assert late[0].send("ping")[0] == 404
            mcmock_server.assert_received(event="ping", verdict="unknown")

        def test_three(mcmock_server):
            assert late[0].send("ping")[0] == 404
            assert late[0].send("ping", "ten")[0] == 400
            mcmock_server.reset()
            assert late[0].send("ping")[0] == 404

        @pytest.mark.mcmock(seed=5)
        def test_four(mcmock_server):
            late.append(Player(mcmock_server.url))

        @pytest.mark.mcmock(seed=5)
        def test_five_has_the_session_of_four(mcmock_server):
            assert Player(mcmock_server.url).path == late[1].path
            assert late[1].send("ping", "ten")[0] == 400
        """,
    )
    found.assert_outcomes(passed=5, errors=1)
    found.stdout.fnmatch_lines(["*ERROR at teardown of test_five*", "mcmock: a request is lost: 1 rejected"])


LEFT = """
import json, socket, ssl, threading
from urllib.parse import urlsplit
from player import Player
from mcmock import faults

left = []
PING = b'{"eventType":"ping","playerTime":{"playhead":1,"ts":1700000000000}}'
HEAD = b"POST /api/v1/sessions HTTP/1.1\\r\\nHost: x\\r\\n"

def leave(url, *sent):
    place = urlsplit(url)
    wire = socket.create_connection((place.hostname, place.port), timeout=5)
    left.append(wire)
    for part in sent:
        wire.sendall(part)
    return wire

def ping(path):
    return f"POST {path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(PING)}\\r\\n\\r\\n".encode() + PING

def test_next(mcmock_server):
    assert mcmock_server.summary().total == 0
    Player(mcmock_server.url)
    for wire in left:
        wire.close()

def test_after_that(mcmock_server):
    Player(mcmock_server.url)
    assert mcmock_server.summary().total == 1
"""


@pytest.mark.parametrize(
    "sent",
    [
        'leave(url, HEAD[:20])',
        'leave(url, HEAD)',
        'leave(url, ping(path)); left[0].recv(4096); left[0].sendall(HEAD)',
        "leave(url, ping(path) + HEAD[:20]); left[0].recv(4096)",
        'leave(url, HEAD + b"Content-Length: 50\\r\\n\\r\\n{")',
        'leave(url, HEAD + b"Expect: 100-continue\\r\\nContent-Length: 50\\r\\n\\r\\n")',
        'leave(url, HEAD + b"Transfer-Encoding: chunked\\r\\n\\r\\n5\\r\\n{")',
        'leave(url, b"POST /__admin/reset HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 50\\r\\n\\r\\n{")',
        'leave(url, b"GET /__admin/stream HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")',
        'mcmock_server.faults.add(faults.hang(event="ping")); leave(url, ping(path), ping(path), HEAD)',
        'mcmock_server.faults.add(faults.delay(600, event="ping")); leave(url, ping(path) + ping(path), HEAD)',
        'mcmock_server.faults.add(faults.drip(0.001, event="ping")); leave(url, ping(path) + ping("/x"))',
        'leave(mcmock_server.https_url, b"\\x16\\x03\\x01")',
        'leave(url)',
    ],
)  # fmt: skip
def test_what_a_test_leaves_half_done_is_none_of_the_next_one_s(project: pytest.Pytester, sent: str) -> None:
    first = f"""
def test_first(mcmock_server):
    url, path = mcmock_server.url, Player(mcmock_server.url).path
    {sent}
"""
    before, after = LEFT.split("def test_next")
    found = run(project, f"{before}{first}\ndef test_next{after}")
    found.assert_outcomes(passed=3)


def test_a_test_answers_for_what_it_sent_and_did_not_wait_for(project: pytest.Pytester) -> None:
    """Whoever is quick does not pass it on to the next test."""
    before, after = LEFT.split("def test_next")
    first = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_first(mcmock_server, number):
    leave(mcmock_server.url, b"POST /api/v1/sessions HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n")
"""
    found = run(project, f"{before}{first}\ndef test_next{after}")
    found.assert_outcomes(passed=22, errors=20)


def test_a_connection_between_two_requests_outlives_a_test(project: pytest.Pytester) -> None:
    """Clients of a wider scope keep them; whose answer is on its way is answered."""
    found = run(
        project,
        """
        import json
        from http.client import HTTPConnection
        import pytest
        from player import START

        @pytest.fixture(scope="module")
        def client(mcmock_running):
            client = HTTPConnection(mcmock_running.url.removeprefix("http://"), timeout=5)
            client.connect()
            client.auto_open = 0
            yield client
            client.close()

        @pytest.mark.parametrize("number", range(3))
        def test_it(mcmock_server, client, number):
            start = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1700000000000}, "params": START}
            client.request("POST", "/api/v1/sessions", json.dumps(start))
            with client.getresponse() as answer:
                assert answer.status == 201
                answer.read()
        """,
    )
    found.assert_outcomes(passed=3)


def test_a_mark_changes_the_options_of_one_test_on_the_same_server(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest

        urls = set()
        pytestmark = pytest.mark.mcmock(seed=5, loose=True)

        def test_module(mcmock_server):
            urls.add(mcmock_server.url)
            assert (mcmock_server.emulator.seed, mcmock_server.emulator.mode) == (5, "loose")

        @pytest.mark.mcmock(strict=True)
        def test_nearest_mark_wins(mcmock_server):
            urls.add(mcmock_server.url)
            assert (mcmock_server.emulator.seed, mcmock_server.emulator.mode) == (5, "strict")
            assert len(urls) == 1
        """,
    )
    found.assert_outcomes(passed=2)


def test_a_mark_puts_faults_in_force(project: pytest.Pytester) -> None:
    """Rules, their JSON form and presets; for that test only, and there again after a reset of its own."""
    found = run(
        project,
        """
        import pytest
        from mcmock import faults
        from player import Player

        PING_500 = {"effect": {"type": "status", "code": 500}, "match": {"event": "ping"}, "times": 1}

        @pytest.mark.mcmock(faults=[faults.status(503, event="play", times=1), PING_500])
        def test_rules(mcmock_server):
            player = Player(mcmock_server.url)
            assert [player.send(event)[0] for event in ("play", "play", "ping", "ping")] == [503, 204, 500, 204]
            mcmock_server.reset()
            assert Player(mcmock_server.url).send("play")[0] == 503

        @pytest.mark.mcmock(preset="expired-session")
        def test_preset(mcmock_server):
            player = Player(mcmock_server.url)
            answers = [player.send("ping")[0] for _ in range(5)]
            assert 410 in answers

        def test_none(mcmock_server):
            assert list(mcmock_server.faults) == []

        @pytest.mark.mcmock(preset="expired-sesion")
        def test_misspelled(mcmock_server):
            pass
        """,
    )
    found.assert_outcomes(passed=3, errors=1)
    found.stdout.fnmatch_lines(["@pytest.mark.mcmock: there is no preset 'expired-sesion'*"])


def test_options_of_the_project_come_from_conftest(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def mcmock_options():
            return {"seed": 11, "strict": True, "fail_on": "never"}
        """
    )
    found = run(
        project,
        """
        import pytest
        from player import post

        def test_options(mcmock_server):
            assert (mcmock_server.emulator.seed, mcmock_server.emulator.mode) == (11, "strict")
            assert post(mcmock_server.url + "/api/v1/sessions", b"{")[0] == 400

        @pytest.mark.mcmock(loose=True, seed=12)
        def test_mark(mcmock_server):
            assert (mcmock_server.emulator.seed, mcmock_server.emulator.mode) == (12, "loose")
        """,
    )
    found.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("stirct=True", "has no option stirct (did you mean strict?)"),
        ("strict=True, loose=True", "strict and loose exclude each other"),
        ("clock='stopped'", "clock must be 'running' or 'frozen', not 'stopped'"),
        ("seed='x'", "seed must be a whole number, not 'x'"),
        ("faults='outage'", "or a mapping, not 'outage'; the name of a preset goes to preset"),
        ("True", "takes options by name only"),
    ],
)
def test_a_wrong_mark_is_one_line(project: pytest.Pytester, mark: str, message: str) -> None:
    found = run(
        project, f"import pytest\n@pytest.mark.mcmock({mark})\ndef test_it(mcmock_server):\n    pass\n", "--tb=short"
    )
    found.assert_outcomes(errors=1)
    assert message in found.stdout.str()
    assert "Traceback" not in found.stdout.str()
    assert "During handling" not in found.stdout.str()


def test_what_a_test_asks_wrongly_is_told_at_its_own_line(project: pytest.Pytester) -> None:
    """Neither frames of mcmock's nor their source stand between the line and the message."""
    found = run(
        project,
        """
        from mcmock import faults

        def test_match(mcmock_server):
            mcmock_server.requests(evnt="ping")

        def test_count(mcmock_server):
            mcmock_server.assert_received(event="ping", count="1")

        def test_wait(mcmock_server):
            mcmock_server.wait_for(event="ping", timeout="long")

        def test_sequence(mcmock_server):
            mcmock_server.assert_sequence(["pnig"])

        def test_rule(mcmock_server):
            mcmock_server.faults.add("outage")

        def test_function(mcmock_server):
            mcmock_server.faults.replace([faults.reset])

        def test_preset(mcmock_server):
            mcmock_server.faults.preset("outrage")
        """,
    )
    found.assert_outcomes(failed=7)
    for message in ("match.evnt is not known", "count must be", "timeout must be", "sequence item 1",
                    "or a mapping, not 'outage'", "or a mapping, not <function reset", "there is no preset"):  # fmt: skip
        found.stdout.fnmatch_lines([f"E*{message}*"])
    assert "/mcmock/" not in found.stdout.str().replace("/__admin", "")


def test_faults_are_taken_as_rules_mappings_and_lists(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add({"effect": "reset", "name": "one"})
    assert [one.name for one in mcmock_server.faults.replace([faults.close(name="two")], {"effect": "hang"})] == [
        "two", "hang",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="there is already a fault"):
        mcmock_server.faults.replace([faults.close(name="two")] * 2)
    assert [state.rule.name for state in mcmock_server.faults] == ["two", "hang"]


def test_a_test_that_is_run_again_is_told_again(project: pytest.Pytester) -> None:
    """As plugins do that rerun failing tests: it is the last report that people see."""
    project.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, nextitem=nextitem, log=False)
            item._initrequest()
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    found = run(project, "def test_it(mcmock_server):\n    assert mcmock_server.requests()\n")
    found.assert_outcomes(failed=1)
    assert [line.strip("- ") for line in found.outlines if line.startswith("--")] == ["mcmock"]


def test_a_wrong_option_of_a_server_names_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"max_log_byte is not an option here \(did you mean max_log_bytes\?\)"):
        McmockServer(max_log_byte=1)


def test_a_wrong_option_of_the_project_is_one_line(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def mcmock_options():
            return {"strickt": True}
        """
    )
    found = run(project, "def test_it(mcmock_server):\n    pass\n")
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["mcmock_options: strickt is not an option here (did you mean strict?)*"])
    assert "Traceback" not in found.stdout.str()
    assert "fixture.py" not in found.stdout.str()


def test_more_servers_can_be_made(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        from player import Player

        def test_two_services(mcmock_server, make_mcmock_server):
            other = make_mcmock_server(strict=True, seed=3)
            third = make_mcmock_server()
            assert len({mcmock_server.url, other.url, third.url}) == 3
            Player(other.url)
            other.assert_received(count=1)
            assert other.emulator.mode == "strict"
            assert mcmock_server.summary().total == third.summary().total == 0
        """,
    )
    found.assert_outcomes(passed=1)


# -- what fails a test ----------------------------------------------------------------------------------------------------


def test_what_a_tracking_plan_finds_fails_the_test_and_what_is_no_plan_is_said_in_one_line(
    project: pytest.Pytester,
) -> None:
    (project.path / "wrong.toml").write_text("[all]\npingSecond = 10\n")
    found = run(
        project,
        """
        import pytest
        from player import Player

        PLAN = {"all": {"sessionStart": {"params": {"media.show": "required"}}}}

        @pytest.mark.mcmock(plan=PLAN)
        def test_missing(mcmock_server):
            Player(mcmock_server.url)

        @pytest.mark.mcmock(plan=PLAN, allow=["plan-missing"])
        def test_allowed(mcmock_server):
            Player(mcmock_server.url)

        def test_no_plan_of_another_test_is_left(mcmock_server):
            Player(mcmock_server.url)
            assert mcmock_server.emulator.plan is None

        @pytest.mark.mcmock(plan="wrong.toml")
        def test_wrong(mcmock_server):
            pass

        def test_of_its_own(make_mcmock_server):
            for option, says in {"plan": "plan: gone.toml", "preset": "gone.toml", "clock": "clock must be"}.items():
                with pytest.raises(ValueError, match=says):
                    make_mcmock_server(**{option: "gone.toml"})
        """,
    )
    found.assert_outcomes(passed=4, errors=2)
    found.stdout.fnmatch_lines(
        [
            "  #1 sessionStart: 201 plan-missing: params.media.show is required*",
            "@pytest.mark.mcmock: wrong.toml: line 2: all.pingSecond is not known here (did you mean pingSeconds?)*",
        ]
    )


def test_a_request_rejected_without_anybody_asking_fails_the_test(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest
        from player import Player, post

        def test_unexpected(mcmock_server):
            player = Player(mcmock_server.url)
            player.send("sessionEnd")
            player.send("ping")
            post(mcmock_server.url + "/api/v1/sessions", b"{")

        @pytest.mark.mcmock(fail_on="never")
        def test_allowed(mcmock_server):
            post(mcmock_server.url + "/api/v1/sessions", b"{")

        def test_no_sessions(mcmock_server):
            mcmock_server.assert_never(event="ping", allow_no_sessions=True)
            mcmock_server.assert_sequence(["play"], allow_no_sessions=True)
            mcmock_server.assert_received(event="ping", at_most=3, allow_no_sessions=True)

        def test_asked_for(mcmock_server):
            post(mcmock_server.url + "/api/v1/sessions", b"{")
            mcmock_server.assert_received(status=400)

        def test_arranged(mcmock_server):
            player = Player(mcmock_server.url)
            mcmock_server.clock.advance(600)
            assert player.send("ping")[0] == 410

        def test_other_server(mcmock_server, make_mcmock_server):
            post(make_mcmock_server().url + "/api/v1/sessions", b"{")

        def test_other_server_allowed(mcmock_server, make_mcmock_server):
            post(make_mcmock_server(fail_on="never").url + "/api/v1/sessions", b"{")
        """,
    )
    found.assert_outcomes(passed=7, errors=2)
    found.stdout.fnmatch_lines(
        [
            "mcmock: 2 requests are lost: 2 rejected",
            "  #3 ping: 410 Session ???????? takes no more events: it was ended.",
            "  #4 POST /api/v1/sessions: 400 not-json: *",
            'If that is meant, ask for it (by status, verdict or rule)*allow=?"gone", "not-json"?).',
        ]
    )
    assert "Traceback" not in found.stdout.str()


def test_a_test_that_failed_already_is_not_failed_twice(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest
        from player import post

        def bad(server):
            post(server.url + "/api/v1/sessions", b"{")

        def test_fails(mcmock_server):
            bad(mcmock_server)
            assert False

        @pytest.mark.xfail
        def test_xfails(mcmock_server):
            bad(mcmock_server)
            assert False

        def test_skips(mcmock_server):
            bad(mcmock_server)
            pytest.skip("later")
        """,
    )
    found.assert_outcomes(failed=1, xfailed=1, skipped=1)


def test_a_bug_of_mcmock_fails_the_test_that_met_it(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest
        from player import post

        @pytest.mark.mcmock(fail_on="never")
        def test_it(mcmock_server, monkeypatch):
            monkeypatch.setattr("mcmock.protocols.media_collection.routes.route", lambda *_: 1 // 0)
            assert post(mcmock_server.url + "/api/v1/sessions", b"{}")[0] == 500
        """,
    )
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(
        ["mcmock itself failed on 1 request:", "This is a bug of mcmock.", "*ZeroDivisionError*"]
    )


# -- what a failing test shows --------------------------------------------------------------------------------------------

FAILING = """
    import pytest
    from player import Player

    AD = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}

    @pytest.mark.mcmock(seed=1, clock="frozen")
    def test_view(mcmock_server):
        player = Player(mcmock_server.url)
        player.send("play")
        for number in range(1, 8):
            mcmock_server.clock.advance(1)
            player.send("ping", number)
        player.send("adStart", 8, params=AD)
        player.send("sessionEnd", 8)
        mcmock_server.assert_received(event="sessionComplete", status=204)
    """


def test_the_whole_message_of_a_failing_assertion(project: pytest.Pytester) -> None:
    found = run(project, FAILING, "--tb=short")
    found.assert_outcomes(failed=1)
    message = [line for line in found.outlines if line.startswith("E  ")]
    assert max(map(len, message)) <= 80
    text = "\n".join(line.removeprefix("E").removeprefix("   ").rstrip() for line in message)
    assert re.sub("session [0-9a-f]{8},", "session 760a24cc,", text) == MESSAGE.strip("\n")


MESSAGE = """
AssertionError: expected at least 1 request with event=sessionComplete
status=204, but none came

session 760a24cc, ended: 11 requests (10 good, 1 ignored), "film-1"
   seq      time  playhead  event               status
     1     0.000       0.0  sessionStart           201
     2     0.000       0.0  play                   204
     3     1.000       1.0  ping                   204
     4     2.000       2.0  ping                   204
     …  3 more ping
     8     6.000       6.0  ping                   204
     9     7.000       7.0  ping                   204
    10     7.000       8.0  adStart                204  ignored
        ad-outside-break: adStart of 'a' outside adBreakStart …
          adBreakComplete: ignored, its time goes to main content
~   11     7.000       8.0  sessionEnd             204

nearest misses, marked ~:
  #11 sessionEnd: event is "sessionEnd", not sessionComplete
"""


def test_a_failing_test_shows_the_timeline_of_each_session(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        from player import Player

        def test_view(mcmock_server, make_mcmock_server):
            Player(mcmock_server.url).send("play")
            Player(mcmock_server.url).send("pauseStart", 3)
            Player(make_mcmock_server().url)
            assert mcmock_server.summary().total == 5
        """,
    )
    found.stdout.fnmatch_lines(
        [
            "*- mcmock 1 -*", "http://127.0.0.1:*, seed *", "session ????????, playing: 2 requests (2 good), \"film-1\"",
            "   seq      time  playhead  event               status", "*1 * sessionStart * 201*", "*2 * play * 204*",
            "session ????????, paused: *", "*3 *sessionStart*", "*4 * 3.0  pauseStart * 204*", "*- mcmock 2 -*", "*session *",
        ]
    )  # fmt: skip


def test_no_traceback_leads_into_mcmock(project: pytest.Pytester) -> None:
    """The last line shown is the test's own, whichever assertion failed."""
    found = run(
        project,
        """
        import pytest

        @pytest.mark.parametrize("ask", ["request", "session", "assert_received"])
        def test_it(mcmock_server, ask):
            getattr(mcmock_server, ask)()

        def test_wait(mcmock_server):
            mcmock_server.wait_for(event="ping", timeout=0)

        def test_sequence(mcmock_server):
            mcmock_server.assert_sequence(["play"])
        """,
    )
    found.assert_outcomes(failed=5)
    found.stdout.no_fnmatch_line("*fixture.py:*")
    found.stdout.no_fnmatch_line("*verify.py:*")


def test_a_failing_test_leaves_its_log_in_a_folder(project: pytest.Pytester) -> None:
    found = run(
        project,
        """
        import pytest
        from player import Player

        @pytest.mark.parametrize("name", ["a/b", "c"])
        def test_fails(mcmock_server, name):
            Player(mcmock_server.url)
            assert False

        def test_passes(mcmock_server):
            Player(mcmock_server.url)
        """,
        "--mcmock-log=logs/here",
    )
    found.assert_outcomes(failed=2, passed=1)
    files = sorted((project.path / "logs" / "here").iterdir())
    assert len(files) == 2
    assert all(file.name.startswith("test_it.py--test_fails") and file.suffix == ".ndjson" for file in files)
    head, line = map(json.loads, files[0].read_text().splitlines())
    assert head["mcmock"] == 1
    assert (line["eventType"], line["status"]) == ("sessionStart", 201)


# -- what it costs --------------------------------------------------------------------------------------------------------


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    """Every pytest run of everyone who installed us pays for it."""
    script = (
        "import pytest, sys; before = set(sys.modules); import mcmock.testing.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mcmock", "mcmock.testing", "mcmock.testing.pytest_plugin"]


def test_an_idle_fixture_costs_less_than_two_milliseconds(project: pytest.Pytester) -> None:
    """The best of 200 set-ups and tear-downs, as pytest itself measures them, with room for a busy machine."""
    project.makeconftest(
        """
        spent = {}

        def pytest_runtest_logreport(report):
            if report.when != "call":
                spent[report.nodeid] = spent.get(report.nodeid, 0) + report.duration

        def pytest_sessionfinish():
            print("median", sorted(spent.values())[len(spent) // 2])
        """
    )
    found = run(
        project,
        """
        import pytest

        @pytest.mark.parametrize("number", range(200))
        def test_idle(mcmock_server, number):
            pass
        """,
        "-q",
        "-s",
    )
    found.assert_outcomes(passed=200)
    (median,) = [float(line.split("median")[1]) for line in found.outlines if "median" in line]
    assert median < 0.002


def test_the_marker_names_every_option_that_a_running_server_takes() -> None:
    named = pytest_plugin.MARKER.partition("(")[2].partition(")")[0].split(", ")
    assert named == [*PER_TEST, *pytest_plugin.JUDGING]


def test_every_option_of_the_policy_is_one_of_the_emulator_and_of_the_command_line() -> None:
    taken = signature(Emulator).parameters
    for name, row in policy.SETTINGS.items():
        assert taken[name].default == row.default
        assert (OPTIONS[name].about, OPTIONS[name].part) == (row.about, EMULATOR)
