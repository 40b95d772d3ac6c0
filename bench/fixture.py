"""What the pytest plugin costs a test run: importing it, an idle fixture, a fixture with one request.

python bench/fixture.py [--tests 300] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_cost.py"
        file.write_text(
            "import pytest\nfrom urllib.request import urlopen\n"
            f"@pytest.mark.parametrize('number', range({tests}))\ndef test_it(number{', ' + fixture if fixture else ''}):\n"
            f"    {line}\n"
        )
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - began


def per_test(fixture: str, line: str, tests: int) -> float:
    """Milliseconds a test, without what pytest takes to start."""
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
    print("| a test with | ms per test |\n|---|---|")
    for name, (fixture, line) in BODIES.items():
        figures = [per_test(fixture, line, chosen.tests) for _ in range(chosen.rounds)]
        print(f"| {name} | {statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
