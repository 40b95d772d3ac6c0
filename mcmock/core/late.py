"""Packages that import their modules when somebody first uses a name of theirs, so that a server's first answer waits for none
that only a question, an export or a fault needs.

A package's `__init__` says which module has which name, and who may do without imports the package: `from mcmock import checks`,
then `checks.verification.verify(…)` where it is needed. Who always needs a name imports that, as everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def handing_over(package: str, **modules: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that hands over these of its modules, and of each the names that are listed."""
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in homes and name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{homes.get(name, name)}")
        found = getattr(module, name) if name in homes else module
        setattr(sys.modules[package], name, found)  # asked once
        return found

    return find
