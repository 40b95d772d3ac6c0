"""mcmock: Adobe's Media Collection and Media Edge APIs on your laptop and in CI.

Importing this package is cheap: every name below loads its module on first use, because pytest imports the plugin, and
with it this file, in every run of everyone who installed us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcmock import faults as faults
    from mcmock.core.match import Match as Match
    from mcmock.engine import Emulator as Emulator
    from mcmock.recordings.files import check as check
    from mcmock.server import create_app as create_app

__version__ = "0.1.0"

_HOMES = {
    "Emulator": "mcmock.engine",
    "Match": "mcmock.core.match",
    "check": "mcmock.recordings.files",
    "create_app": "mcmock.server",
}
__all__ = ["Emulator", "Match", "__version__", "check", "create_app", "faults"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "faults":
        return import_module("mcmock.faults")
    if name not in _HOMES:
        raise AttributeError(f"module 'mcmock' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
