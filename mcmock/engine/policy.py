"""The options of an emulator, each declared once: its name, type, default and words, and whether it may change later.

The command line, mcmock.toml, `--watch` and the marker of the pytest plugin are made from these rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, get_args, get_type_hints

from mcmock.core.model import Mode
from mcmock.protocols.base import DEFAULT_ORG, Options

if TYPE_CHECKING:
    from mcmock.analytics.plan import Plan

ORG_ID: Final = re.compile(r"[0-9A-Fa-f]{24}@AdobeOrg")

DEFAULT_LOG_BYTES: Final = 64 * 1024 * 1024
DEFAULT_BODY_BYTES: Final = 1024 * 1024

AfterEnd = Literal["gone", "drop"]
"""What an event after sessionEnd is answered: 410, or a 204 that drops it in silence (C-20)."""


class Setting(NamedTuple):
    """One option. A `live` one may change while the emulator runs: by `configure`, by `--watch`, or for one test."""

    type: Any
    default: Any
    about: str
    live: bool


def _setting(default: Any, about: str, live: bool = False) -> Any:
    return field(default=default, metadata={"about": about, "live": live})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How an emulator judges and what it bounds. `plan` is the tracking plan that is in force from the start, and again after
    every reset."""

    strict: bool = _setting(False, "Refuses what the documentation does not allow.", live=True)
    loose: bool = _setting(False, "Accepts unknown params and wrong types, with findings.", live=True)
    after_end: AfterEnd = _setting(  # noqa: RUF009 -- a word
        "gone", "What events after sessionEnd get: 410, or a 204 that drops them.", live=True
    )
    cors_headers: str | None = _setting(
        None, "Access-Control-Allow-Headers of preflights; some players send User-Agent, too."
    )
    cors_max_age: int | None = _setting(None, "Adds Access-Control-Max-Age, in seconds, to preflights.")
    cors_private_network: bool = _setting(
        False,
        "Lets pages of public addresses reach this server: preflights that ask get Access-Control-Allow-Private-Network.",
    )
    org_id: str = _setting(
        DEFAULT_ORG, "The organization whose datastreams these are: the Edge Network names its cookies after it."
    )
    datastream: tuple[str, ...] = _setting(
        (),
        "A datastream that there is (`configId`). Any other is unknown, if one is named; without the option, all are there.",
    )
    datastream_without_media: tuple[str, ...] = _setting(
        (), "A datastream that has no Media Analytics: it starts no session."
    )
    max_body_bytes: int = _setting(DEFAULT_BODY_BYTES, "Longer bodies are answered 413.")
    max_log_bytes: int = _setting(DEFAULT_LOG_BYTES, "Bounds the log in memory; the oldest requests go first.")
    plan: Plan | None = None
    mode: Mode = field(init=False)

    def __post_init__(self) -> None:
        if self.after_end not in get_args(AfterEnd):
            raise ValueError(f"after_end must be 'gone' or 'drop', not {self.after_end!r}")
        if not ORG_ID.fullmatch(self.org_id):
            raise ValueError(f"org_id must be 24 hexadecimal digits and @AdobeOrg, not {self.org_id!r}")
        object.__setattr__(self, "mode", mode_of(strict=self.strict, loose=self.loose))

    @property
    def for_protocols(self) -> Options:
        """What the emulated APIs are told of it."""
        return Options(
            self.cors_headers, self.cors_max_age, self.cors_private_network, self.org_id,
            frozenset(self.datastream), frozenset(self.datastream_without_media),
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Return the values of all SETTINGS by name."""
        return {name: getattr(self, name) for name in SETTINGS}

    def with_live(self, **options: Any) -> Self:
        """Return this policy with these options of LIVE; one that is left out gets its default. Raises ValueError."""
        if unknown := [name for name in options if name not in LIVE]:
            raise TypeError(f"{unknown[0]} cannot change: {', '.join(LIVE)} can")
        return replace(self, **{name: options.get(name, SETTINGS[name].default) for name in LIVE})


_TYPES: Final = get_type_hints(Policy, localns={"Plan": object})  # which is no setting, and not imported here
SETTINGS: Final = {
    one.name: Setting(_TYPES[one.name], one.default, **one.metadata) for one in fields(Policy) if one.metadata
}
LIVE: Final = tuple(name for name, one in SETTINGS.items() if one.live)


def mode_of(*, strict: bool = False, loose: bool = False) -> Mode:
    """Return the mode that the two switches choose. Raises ValueError where both are on."""
    if strict and loose:
        raise ValueError("strict and loose exclude each other: choose one")
    return Mode.STRICT if strict else Mode.LOOSE if loose else Mode.DEFAULT


def switches_of(mode: Mode) -> dict[str, Any]:
    """Return the two switches that choose this mode, by name."""
    return {"strict": mode is Mode.STRICT, "loose": mode is Mode.LOOSE}
