"""The options of a server: one table, from which the flags, the variables, the keys of mcmock.toml, `--print-config` and
docs/configuration.md all come. It knows names, types and defaults, and nothing of what an option does.

A flag beats a variable, a variable beats the file, the file beats the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_args

import click

from mcmock import faults
from mcmock.engine import policy, scopes
from mcmock.protocols.base import DEFAULT_CORS_HEADERS
from mcmock.storage.base import DEFAULT_JOURNAL_BYTES

DEFAULT_PORT = 8410
CONFIG_FILE = "mcmock.toml"

# -- types: what a value may be, as text (flag, variable) and in TOML ------------------------------------------------------


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # not generic before click 8.5


class Type(_ParamType):
    """`takes` are the TOML types; `words` says what a value is, in the middle of a sentence."""

    takes: ClassVar[tuple[type, ...]] = (str,)
    words: ClassVar[str] = "text"

    def __init__(self) -> None:
        self.name = self.words.removeprefix("a ").upper()

    def from_toml(self, value: object) -> Any:
        """Return the value of a key. Raises click.BadParameter if it is of the wrong type."""
        if not isinstance(value, self.takes) or (isinstance(value, bool) and bool not in self.takes):
            raise click.BadParameter(f"{_shown(value)} is not {self.words}.")
        return self.convert(value, None, None)

    def split_envvar_value(self, rv: str) -> list[str]:
        return [part for part in re.split(r"[,\s]+", rv) if part]


class Text(Type):
    words = "text"


class File(Type):
    words = "a path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ARG002
        return Path(value)


class Whole(Type):
    takes: ClassVar[tuple[type, ...]] = (int,)
    words = "a whole number"

    def __init__(self, least: int = 0, most: int | None = None) -> None:
        super().__init__()
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{_shown(value)} is not a whole number.", param, ctx)
        if number < self.least or (self.most is not None and number > self.most):
            most = f" to {self.most}" if self.most is not None else " or more"
            self.fail(f"{number} is out of range: it must be {self.least}{most}.", param, ctx)
        return number


class Size(Whole):
    """Bytes, with K, M or G for powers of 1024."""

    takes = (int, str)
    words = "a size"
    units: ClassVar = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"\s*(\d+)\s*([KMG]?)(?:i?B)?\s*", str(value), re.IGNORECASE)
        if found is None:
            self.fail(f"{_shown(value)} is not a size such as 1048576, 512K or 64M.", param, ctx)
        return super().convert(int(found[1]) * self.units[found[2].upper()], param, ctx)


class Switch(Type):
    takes = (bool,)
    words = "true or false"

    # On the command line it is two flags, for which click wants a type of its own.


class OneOf(Type):
    """`choices` are asked for when a value is given, or help."""

    def __init__(self, choices: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._choices = choices

    @cached_property
    def choices(self) -> tuple[str, ...]:
        return tuple(self._choices())

    def get_metavar(self, *_: Any, **__: Any) -> str:
        return "|".join(self.choices).upper()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            self.fail(f"{_shown(value)} is not one of {', '.join(self.choices)}.", param, ctx)
        return str(value)


def _shown(value: object) -> str:
    return repr(value) if not isinstance(value, bool) else str(value).lower()


# -- the table -------------------------------------------------------------------------------------------------------------

EMULATOR, PLACE, FAULTS, STORE, COMMAND = "emulator", "place", "faults", "store", "command"


class Option(NamedTuple):
    """`part` says who is handed the value: the Emulator, its faults, the Service (its place), or the command itself.

    `many` options may be given several times, and are a list in the file. A `secret` is never printed.
    """

    name: str
    type: Type
    default: Any
    part: str
    about: str
    many: bool = False
    secret: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.key

    @property
    def key(self) -> str:
        return self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "MCMOCK_" + self.name.upper()


class Group(NamedTuple):
    title: str
    options: tuple[Option, ...]


_POLICY_TYPES: dict[Any, Type] = {
    bool: Switch(), int: Size(1), int | None: Whole(), str: Text(), str | None: Text(), tuple[str, ...]: Text(),
    policy.AfterEnd: OneOf(lambda: get_args(policy.AfterEnd)),
}  # fmt: skip


def _of_policy(name: str) -> Option:
    row = policy.SETTINGS[name]
    return Option(name, _POLICY_TYPES[row.type], row.default, EMULATOR, row.about, many=row.type == tuple[str, ...])


GROUPS = (
    Group("Where it listens", (
        Option("host", Text(), "127.0.0.1", PLACE, "The address to listen on. 127.0.0.1 includes ::1, "
               "so that localhost works; `::` is every address of this machine, 0.0.0.0 every IPv4 address."),
        Option("port", Whole(0, 65535), DEFAULT_PORT, PLACE, "The port for HTTP; 0 takes any free one."),
        Option("admin_port", Whole(0, 65535), None, PLACE, "A port for the control API alone. It answers even while the "
               "other ports refuse connections; 0 takes any free one. The other ports serve the control API, too."),
        Option("admin_token", Text(), None, PLACE, "The token that the control API requires: `Authorization: Bearer TOKEN`. "
               "If absent while `--host` is not loopback, one is made and printed.", secret=True),
        Option("allow_host", Text(), (), PLACE, "A public name that the control API may be called by.", many=True),
    )),
    Group("HTTPS", (
        Option("https_port", Whole(0, 65535), None, PLACE, "Listens for HTTPS, too; 0 takes any free port."),
        Option("tls_name", Text(), (), PLACE, "Another name or address for the certificate to cover, besides this machine's own.",
               many=True),
        Option("tls_cert", File(), None, PLACE, "Your own certificate chain (PEM) instead of one by mcmock's authority."),
        Option("tls_key", File(), None, PLACE, "The private key of `--tls-cert` (PEM)."),
        Option("state_dir", File(), None, PLACE, "Where the certificate authority is kept; "
               "otherwise the platform's folder for state."),
    )),
    Group("The emulated API", (
        _of_policy("strict"), _of_policy("loose"),
        Option("seed", Whole(), None, EMULATOR, "Makes session ids and faults repeatable; drawn and printed if absent."),
        _of_policy("after_end"), _of_policy("cors_headers")._replace(default=DEFAULT_CORS_HEADERS), _of_policy("cors_max_age"),
        _of_policy("cors_private_network"), _of_policy("org_id"), _of_policy("datastream"),
        _of_policy("datastream_without_media"), _of_policy("max_body_bytes"),
    )),
    Group("Faults", (
        Option("faults", File(), None, FAULTS, "A TOML or JSON file of fault rules to begin with."),
        Option("preset", OneOf(lambda: faults.PRESETS), (), FAULTS, "A named set of faults to begin with.", many=True),
        Option("watch", Switch(), False, COMMAND, "Reads the config and the file of faults again when they change."),
    )),
    Group("The tracking plan", (
        Option("plan", File(), None, COMMAND, "A TOML or JSON file that says what each content type must send: see plan.md."),
    )),
    Group("The log", (
        _of_policy("max_log_bytes"),
        Option("journal", File(), None, STORE, "Keeps log and sessions in this file, so that they outlive the server: "
               "short for `--store sqlite:FILE`."),
        Option("journal_max_bytes", Size(1), DEFAULT_JOURNAL_BYTES, STORE, "Bounds the log in that file."),
        Option("journal_max_age", Whole(1), None, STORE, "Seconds after which a request leaves that file."),
        Option("store", Text(), "memory", STORE, "What keeps log and sessions: memory, sqlite:FILE, or a Redis that several "
               "servers share: redis://HOST:PORT/DATABASE."),
    )),
    Group("More than one process", (
        Option("workers", Whole(1, 256), 1, COMMAND, "Processes that share the port; more than one needs a Redis as `--store`."),
    )),
    Group("Output", (
        Option("log_format", OneOf(lambda: ("text", "json")), "text", COMMAND,
               "How the ready line and the log lines are written."),
        Option("log_requests", Switch(), False, COMMAND, "Writes a line for each request to stderr."),
        Option("ready_file", File(), None, COMMAND, "Gets the ready line as JSON once the server answers."),
    )),
)  # fmt: skip

OPTIONS = {option.name: option for group in GROUPS for option in group.options}


class Table(NamedTuple):
    """What only the file can hold: `[[key]]` tables. `read` makes values of them, or raises ValueError in one line."""

    key: str
    read: Callable[[list[Any]], tuple[Any, ...]]
    about: str


def _fault_rules(values: list[Any]) -> tuple[faults.FaultRule, ...]:
    return faults.rules_from(values)


TABLES = {
    "fault": Table(
        "fault",
        _fault_rules,
        "A fault rule to begin with, with the keys of FaultRule: see faults.md.",
    ),
    "scope": Table(
        "scope",
        scopes.rules_from,
        "Requests with a header, of a datastream or a visitor, that belong to a scope of their own.",
    ),
}

LIVE = (*policy.LIVE, "faults", "preset", "fault", "plan")
"""What `--watch` applies while the server runs; the rest needs a restart."""


class Settings(NamedTuple):
    """The values of all options and tables by name; which of them a flag or a variable `fixed`; the `file` that was read."""

    values: dict[str, Any]
    fixed: frozenset[str] = frozenset()
    file: Path | None = None

    def of(self, part: str) -> dict[str, Any]:
        """Return the options that go to `part`."""
        return {name: value for name, value in self.values.items() if name in OPTIONS and OPTIONS[name].part == part}


# -- click -----------------------------------------------------------------------------------------------------------------
