"""The fixture beside other plugins and libraries that change what Python does: files, sockets, order, threads.

Those that stop time are in tests/core/test_time.py.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.testing.test_plugin import _an_ordinary_machine, project

__all__ = ["_an_ordinary_machine", "project"]

pytest_plugins = ["pytester"]

TWO = """
    from player import Player

    def test_a(mcmock_server):
        Player(mcmock_server.url).send("ping")
        mcmock_server.assert_received(event="ping", count=1)

    def test_b(mcmock_server):
        assert mcmock_server.sessions() == []
        Player(mcmock_server.url)
"""


def needs(module: str) -> None:
    pytest.importorskip(module, reason=f"not tested for want of {module}: pip install '.[test]' has it")


# -- pyfakefs ---------------------------------------------------------------------------------------------------------

FAKE_FILES = """
    import json
    from urllib.request import Request, urlopen
    from player import Player, post

    def get(url):
        with urlopen(url, timeout=10) as answer:
            assert answer.status == 200
            return answer.read()

    def visit(server):
        player = Player(server.url)
        assert post(server.url + player.path, b'{"eventType": "ping", "playerTime": {"playhead": "x"}}')[0] == 400
        assert len(server.requests(status=400)) == 1
        for event_type in ("ping", "adStart", "sessionStart"):
            assert json.loads(get(f"{server.url}/api/v1/schemas/{event_type}"))
        for path in ("/", "/trust", "/openapi.json", "/metrics", "/vocabulary", "/summary", "/requests.har", "/sessions"):
            assert get(server.admin_url + path)
        assert server.session().report.content_starts == 0
        assert "ping" in server.story()
"""


@pytest.mark.parametrize(
    "test",
    [
        "def test_one(mcmock_server, fs):\n        visit(mcmock_server)",
        "def test_one(fs, mcmock_server):\n        visit(mcmock_server)",
        "def test_one(fs, make_mcmock_server):\n        visit(make_mcmock_server())",
    ],
)
def test_a_test_whose_files_are_pyfakefs_s(project: pytest.Pytester, test: str) -> None:
    """In a process of its own: nothing is read before that a test before this one has read."""
    needs("pyfakefs")
    project.makepyfile(test_it=textwrap.dedent(f"{FAKE_FILES}\n    {test}\n"))
    project.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


# -- pytest-socket ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [["--allow-hosts=127.0.0.1"], ["--disable-socket", "--allow-hosts=localhost,127.0.0.1,::1"]]
)
def test_pytest_socket_that_allows_this_machine(project: pytest.Pytester, options: list[str]) -> None:
    needs("pytest_socket")
    project.makepyfile(test_it=textwrap.dedent(TWO))
    project.runpytest_subprocess("-p", "no:cacheprovider", *options).assert_outcomes(passed=2)


@pytest.mark.parametrize("options", [["--disable-socket"], ["--disable-socket", "--allow-unix-socket"]])
def test_pytest_socket_that_allows_nothing_is_said_in_one_line(project: pytest.Pytester, options: list[str]) -> None:
    needs("pytest_socket")
    project.makepyfile(test_it=textwrap.dedent(TWO))
    found = project.runpytest_subprocess("-p", "no:cacheprovider", "-W", "ignore", *options)
    found.assert_outcomes(errors=2)
    found.stdout.fnmatch_lines(["mcmock_server listens on a socket, and pytest-socket blocks those: run pytest with *"])
    found.stdout.no_fnmatch_line("*Traceback*")


def test_a_test_may_be_allowed_sockets_by_its_mark(project: pytest.Pytester) -> None:
    needs("pytest_socket")
    text = "import pytest\npytestmark = pytest.mark.enable_socket\n" + textwrap.dedent(TWO)
    project.makepyfile(test_it=text)
    project.runpytest_subprocess("-p", "no:cacheprovider", "--disable-socket").assert_outcomes(passed=2)


# -- pytest-randomly --------------------------------------------------------------------------------------------------


def test_pytest_randomly_draws_no_session_id_anew(project: pytest.Pytester) -> None:
    """It sets `random` to the same seed before each test; ids and faults of ours do not come from there."""
    needs("pytest_randomly")
    text = """
        import random
        from player import Player
        seen = []

        def test_a(mcmock_server):
            seen.append(Player(mcmock_server.url).path)
            assert len(set(seen)) == len(seen)

        def test_b(mcmock_server):
            seen.append(Player(mcmock_server.url).path)
            assert len(set(seen)) == len(seen)

        def test_that_the_numbers_of_the_test_are_its_own(mcmock_server):
            state = random.getstate()
            Player(mcmock_server.url)
            assert random.getstate() == state
    """
    project.makepyfile(test_it=textwrap.dedent(text))
    for seed in ("1", "2", "3"):
        found = project.runpytest_subprocess("-p", "no:cacheprovider", f"--randomly-seed={seed}")
        found.assert_outcomes(passed=3)


# -- gevent -----------------------------------------------------------------------------------------------------------

GEVENT = """
    import gevent
    import pytest
    from gevent import monkey
    from player import Player

    @pytest.mark.mcmock(allow=["location-unread"])  # five of the players stop after their start
    def test_greenlets(mcmock_server):
        player = Player(mcmock_server.url)
        sending = gevent.spawn_later(0.1, player.send, "ping")
        if not monkey.is_module_patched("threading"):
            sending.join()  # without the patches, who blocks keeps the other greenlets from running
        assert len(mcmock_server.wait_for(event="ping", timeout=10)) == 1
        with pytest.raises(AssertionError):
            mcmock_server.wait_for(event="adStart", timeout=0.1)
        mcmock_server.assert_never(event="adStart", within=0.1)
        gevent.joinall([gevent.spawn(Player, mcmock_server.url) for _ in range(5)], timeout=30, raise_error=True)
        assert len(mcmock_server.sessions()) == 6
        assert mcmock_server.session(player.path.split("/")[-2]).report

    def test_that_the_server_stops_and_starts(mcmock_server):
        mcmock_server.stop()
        with pytest.raises(OSError):
            Player(mcmock_server.url)
        mcmock_server.start()
        Player(mcmock_server.url)
"""


@pytest.mark.parametrize("patched", ["", "from gevent import monkey; monkey.patch_all()"])
def test_gevent_with_its_patches_and_without(project: pytest.Pytester, patched: str) -> None:
    needs("gevent")
    project.makepyfile(test_it=textwrap.dedent(GEVENT))
    script = f"{patched}\nimport sys, pytest\nsys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-W', 'ignore']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=project.path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
