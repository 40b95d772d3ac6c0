"""What the pytest plugin costs a test run, in CPU time: importing it, an idle fixture, a fixture with one request.

python bench/fixture.py [--tests 300] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

BODIES = {
    "an empty test": ("", "pass"),
    "mcmock_server, idle": ("mcmock_server", "pass"),
    "mcmock_server, one request": ("mcmock_server", "urlopen(mcmock_server.url + '/api/v1/schemas/ping').close()"),
    "pytest-httpserver, idle": ("httpserver", "pass"),
    "pytest-httpserver, one request": (
        "httpserver", "httpserver.expect_request('/').respond_with_data(''); urlopen(httpserver.url_for('/')).close()"
    ),
}  # fmt: skip


def seconds(fixture: str, line: str, tests: int) -> float:
    """CPU seconds of a run of so many tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_cost.py"
        file.write_text(
            "import pytest\nfrom urllib.request import urlopen\n"
            f"@pytest.mark.parametrize('number', range({tests}))\ndef test_it(number{', ' + fixture if fixture else ''}):\n"
            f"    {line}\n"
        )
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
        process = subprocess.Popen(run, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"pytest ended with {process.returncode}"
        return used.ru_utime + used.ru_stime


def per_test(fixture: str, line: str, tests: int) -> float:
    """CPU milliseconds a test, without what pytest takes to start."""
    return (seconds(fixture, line, tests) - seconds(fixture, line, 1)) / (tests - 1) * 1000


def import_cost(module: str) -> float:
    """CPU milliseconds of importing `module` beside pytest."""
    code = f"import pytest, time; began = time.process_time(); import {module}; print(time.process_time() - began)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    costs = [import_cost("mcmock.testing.pytest_plugin") for _ in range(5)]
    print(f"importing the plugin: {statistics.median(costs):.1f} ms of CPU\n")
    print("| a test with | ms of CPU per test |\n|---|---|")
    for name, (fixture, line) in BODIES.items():
        if fixture == "httpserver" and find_spec("pytest_httpserver") is None:
            print(f"bench: {name} is left out: pytest-httpserver is not installed", file=sys.stderr)
            continue
        figures = [per_test(fixture, line, chosen.tests) for _ in range(chosen.rounds)]
        print(f"| {name} | {statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
