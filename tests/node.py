"""Where Node.js is, for the tests that run JavaScript: looked for in one way.

Where it is missing those tests are skipped, with one line that says so; with MCMOCK_REQUIRE_NODE=1, as in .ci/run, they fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

OLDEST = 18
REQUIRED = os.environ.get("MCMOCK_REQUIRE_NODE") == "1"


def missing(*programs: str) -> str:
    """What is missing of Node.js 18 and `programs`, in a few words; empty if nothing is."""
    for program in ("node", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    found = re.match(r"v(\d+)\.", version)
    return "" if found and int(found[1]) >= OLDEST else f"node is {version or 'broken'}; it takes {OLDEST} or later"


def need(untested: str, *programs: str) -> None:
    """Skip what cannot be tested for want of Node.js or `programs`, or fail where they are required."""
    if reason := missing(*programs):
        unavailable(f"{reason}: {untested} was not tested")


def unavailable(reason: str) -> None:
    if REQUIRED:
        pytest.fail(f"MCMOCK_REQUIRE_NODE=1, but {reason}", pytrace=False)
    pytest.skip(reason)
