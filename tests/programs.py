"""What some tests drive: Chromium, certutil, Firefox, Redis, Node.js, packages of npm. Each is looked for here, in one way.

Where one is missing, its tests are skipped, and the last line of the run says how many. Those that `MCMOCK_REQUIRE` names
(`MCMOCK_REQUIRE=chromium,redis,node`, as in .ci/run) must be there: without them the tests fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

NAMES = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "certutil": ("certutil",),
    "firefox": ("firefox-esr", "firefox"),
    "redis": ("redis-server", "valkey-server"),
    "node": ("node",),
    "npm": ("npm",),
    "javac": ("javac",),
}
"""What each program may be called."""

_TESTS = Path(__file__).parent
PACKAGES = {
    "typescript": _TESTS / "inspector/js/node_modules/typescript/bin/tsc",
    "alloy": _TESTS / "clients/alloy/node_modules/@adobe/alloy/dist/alloy.js",
}
"""The file of a package that npm has put into a folder of the tests, as .ci/run does."""

BELONGS_TO = {"certutil": "chromium", "npm": "node", **dict.fromkeys(PACKAGES, "node")}
"""What is required wherever another program is."""

OLDEST_NODE = 18
REQUIRED = frozenset(filter(None, re.split(r"[,\s]+", os.environ.get("MCMOCK_REQUIRE", ""))))
_SKIPPED = re.compile(r"not tested for want of (\w+)")

if unknown := REQUIRED - NAMES.keys():
    raise ValueError(f"MCMOCK_REQUIRE names {', '.join(sorted(unknown))}; it knows {', '.join(NAMES)}")


def find(name: str) -> str | None:
    """Return the path of a program, or of a package's file; None if it is not there."""
    if name in PACKAGES:
        return str(PACKAGES[name]) if PACKAGES[name].exists() else None
    return next((path for one in NAMES[name] if (path := shutil.which(one))), None)


def is_required(name: str) -> bool:
    return name in REQUIRED or BELONGS_TO.get(name) in REQUIRED


def need(name: str, untested: str = "") -> str:
    """Return the path `find` returns; without it, skip the test, or fail it where the program is required."""
    path = find(name)
    if path is None:
        unavailable(name, _absence(name), untested)
    elif name == "node" and (version := _node_version(path)) < OLDEST_NODE:
        unavailable(name, f"it takes Node.js {OLDEST_NODE} or later, and this is {version}", untested)
    return str(path)


def unavailable(name: str, reason: str, untested: str = "") -> None:
    """Skip or fail: `name` cannot be used for `reason`, so that `untested` was not tested."""
    if is_required(name):
        pytest.fail(f"MCMOCK_REQUIRE={','.join(sorted(REQUIRED))}, but {reason}", pytrace=False)
    pytest.skip(": ".join(filter(None, (f"not tested for want of {name}", untested, reason))))


def needs(name: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test without the program; where it is required the test runs, and fails by itself."""
    missing = find(name) is None and not is_required(name)
    return pytest.mark.skipif(missing, reason=f"not tested for want of {name}: {_absence(name)}")


def summary(reasons: Iterable[str]) -> str:
    """Return what was skipped for want of programs, in one line; empty where nothing was."""
    found = Counter(match[1] for reason in reasons if (match := _SKIPPED.search(reason)))
    told = [f"{name} ({count} {'test' if count == 1 else 'tests'})" for name, count in sorted(found.items())]
    return f"skipped for want of {', '.join(told)}" if told else ""


def _absence(name: str) -> str:
    if name not in PACKAGES:
        return f"{NAMES[name][0]} is not installed"
    folder = str(PACKAGES[name]).partition("/node_modules/")[0]
    return f"it is not installed: npm install --prefix {Path(folder).relative_to(_TESTS.parent)}"


def _node_version(path: str) -> int:
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.", version)
    return int(found[1]) if found else 0
