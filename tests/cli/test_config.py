"""Flags, variables and mcmock.toml: what beats what, what is refused and how, and that the pages say the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from mcmock.cli import config, main
from mcmock.cli.flags import server_options
from mcmock.cli.options import GROUPS, LIVE, OPTIONS, TABLES, Option, Settings, Switch
from mcmock.cli.reference import reference
from mcmock.engine import Emulator
from mcmock.server.endpoint import Endpoint
from tests.conftest import cli_runner

ROOT = Path(__file__).parents[2]


@click.command()
@server_options
@click.option("--own", default="no")
def probe(settings: Settings, own: str) -> None:
    """A command with the options of a server."""
    seen.append((settings, own))


seen: list[tuple[Settings, str]] = []


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mcmock.cli.serve._announce", _no_server_should_start)
    seen.clear()


def _no_server_should_start(*_: object) -> None:
    raise AssertionError("a server started")


def run(*arguments: str, **variables: str) -> Settings:
    done = cli_runner().invoke(probe, arguments, env=variables, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return seen[-1][0]


def serve(*arguments: str, **variables: str) -> Result:
    return cli_runner().invoke(main, ["serve", *arguments], env=variables, catch_exceptions=False)


def refused(*arguments: str, **variables: str) -> str:
    """The one line that `mcmock serve` says when it refuses to start."""
    done = serve(*arguments, **variables)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


# -- what beats what -------------------------------------------------------------------------------------------------------


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default() -> None:
    assert run().values["port"] == 8410
    Path("mcmock.toml").write_text("port = 1")
    assert run().values["port"] == 1
    assert run(MCMOCK_PORT="2").values["port"] == 2
    assert run("--port", "3", MCMOCK_PORT="2").values["port"] == 3


def test_the_file_is_looked_for_in_the_current_folder_or_where_it_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("port = 7")
    Path("mcmock.toml").write_text("port = 1")
    assert run("--config", "other.toml").values["port"] == 7
    assert run(MCMOCK_CONFIG="other.toml").values["port"] == 7
    assert run("--config", "other.toml", MCMOCK_CONFIG="mcmock.toml").file == Path("other.toml")


def test_a_commands_own_options_are_its_own() -> None:
    run("--own", "yes", "--port", "5")
    assert seen[-1][1] == "yes"


VALUES: dict[str, tuple[str, Any, Any]] = {
    # name            as text             in TOML            what comes of it
    "host": ("::1", "::1", "::1"),
    "port": ("9000", 9000, 9000),
    "admin_token": ("secret", "secret", "secret"),
    "allow_host": ("a.example,b.example", ["a.example", "b.example"], ("a.example", "b.example")),
    "https_port": ("0", 0, 0),
    "admin_port": ("0", 0, 0),
    "tls_name": ("tv.test radio.test", ["tv.test", "radio.test"], ("tv.test", "radio.test")),
    "tls_cert": ("/a/cert.pem", "/a/cert.pem", Path("/a/cert.pem")),
    "tls_key": ("/a/key.pem", "/a/key.pem", Path("/a/key.pem")),
    "state_dir": ("/a/state", "/a/state", Path("/a/state")),
    "strict": ("1", True, True),
    "loose": ("true", True, True),
    "seed": ("7", 7, 7),
    "after_end": ("drop", "drop", "drop"),
    "cors_headers": ("Content-Type, User-Agent", "Content-Type, User-Agent", "Content-Type, User-Agent"),
    "cors_max_age": ("600", 600, 600),
    "cors_private_network": ("on", True, True),
    "org_id": ("A" * 24 + "@AdobeOrg", "A" * 24 + "@AdobeOrg", "A" * 24 + "@AdobeOrg"),
    "datastream": ("web-dev tv-dev", ["web-dev", "tv-dev"], ("web-dev", "tv-dev")),
    "datastream_without_media": ("site-dev old-dev", ["site-dev", "old-dev"], ("site-dev", "old-dev")),
    "max_body_bytes": ("2M", "2 MiB", 2 * 1024**2),
    "max_log_bytes": ("1g", 1024**3, 1024**3),
    "faults": ("/a/faults.toml", "/a/faults.toml", Path("/a/faults.toml")),
    "plan": ("/a/plan.toml", "/a/plan.toml", Path("/a/plan.toml")),
    "preset": ("no-cors deploy", ["no-cors", "deploy"], ("no-cors", "deploy")),
    "watch": ("on", True, True),
    "journal": ("/a/log.db", "/a/log.db", Path("/a/log.db")),
    "journal_max_bytes": ("2G", "2G", 2 * 1024**3),
    "journal_max_age": ("3600", 3600, 3600),
    "store": ("sqlite:a.db", "sqlite:a.db", "sqlite:a.db"),
    "log_format": ("json", "json", "json"),
    "log_requests": ("yes", True, True),
    "workers": ("4", 4, 4),
    "ready_file": ("/a/ready", "/a/ready", Path("/a/ready")),
}


@pytest.mark.parametrize("option", [pytest.param(one, id=one.name) for one in OPTIONS.values()])
def test_every_option_is_a_flag_a_variable_and_a_key(option: Option) -> None:
    text, toml, wanted = VALUES[option.name]
    assert run(**{option.variable: text}).values[option.name] == wanted
    Path("mcmock.toml").write_text(f"{option.key} = {config._toml(tuple(toml) if isinstance(toml, list) else toml)}")
    assert run().values[option.name] == wanted
    Path("mcmock.toml").unlink()
    if isinstance(option.type, Switch):
        assert run(option.flag).values[option.name] is True
        assert run(f"--no-{option.key}", **{option.variable: "1"}).values[option.name] is False
    elif option.many:
        assert run(*[part for one in wanted for part in (option.flag, str(one))]).values[option.name] == wanted
    else:
        assert run(option.flag, text).values[option.name] == wanted


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.toml").write_text('ready-file = "ready.json"')
    assert run("--config", "sub/c.toml").values["ready_file"] == Path("sub/ready.json")


def test_keys_may_have_underscores() -> None:
    Path("mcmock.toml").write_text("max_log_bytes = 5")
    assert run().values["max_log_bytes"] == 5


def test_of_strict_and_loose_the_stronger_source_wins() -> None:
    Path("mcmock.toml").write_text("strict = true")
    assert (run("--loose").values["strict"], run("--loose").values["loose"]) == (False, True)
    assert (run(MCMOCK_LOOSE="1").values["strict"], run(MCMOCK_LOOSE="1").values["loose"]) == (False, True)
    assert "strict and loose exclude each other" in refused("--strict", "--loose")
    Path("mcmock.toml").write_text("strict = true\nloose = true")
    assert "strict and loose exclude each other" in refused()


def test_an_empty_variable_is_none() -> None:
    """A compose file passes `MCMOCK_SEED=${SEED:-}` on as an empty one."""
    assert run(MCMOCK_SEED="", MCMOCK_PORT="").values["seed"] is None


def test_the_variable_that_kubernetes_sets_for_a_service_named_mcmock_is_not_ours() -> None:
    assert run(MCMOCK_PORT="tcp://10.0.0.9:8410").values["port"] == 8410


def test_every_option_reaches_somebody() -> None:
    """No dead rows: what goes to the Emulator and to the Endpoint are arguments of theirs."""
    import inspect

    rows = {part: {one.name for one in OPTIONS.values() if one.part == part} for part in ("emulator", "place")}
    assert rows["emulator"] <= set(inspect.signature(Emulator).parameters)
    assert rows["place"] == set(inspect.signature(Endpoint).parameters) - {"throwaway"}
    assert set(LIVE) <= {*OPTIONS, *TABLES}


# -- what is refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prt = 1", "mcmock.toml: prt is not an option; did you mean port?"),
        ("max-log-size = 1", "mcmock.toml: max-log-size is not an option; did you mean max-log-bytes?"),
        ("faullt = 1", "mcmock.toml: faullt is not an option; did you mean fault?"),
        ("zzz = 1", "mcmock.toml: zzz is not an option; see mcmock serve --help"),
        ("port = true", "mcmock.toml: port: true is not a whole number."),
        ('port = "x"', "mcmock.toml: port: 'x' is not a whole number."),
        ("port = 70000", "mcmock.toml: port: 70000 is out of range: it must be 0 to 65535."),
        ("seed = -1", "mcmock.toml: seed: -1 is out of range: it must be 0 or more."),
        ("seed = 1.5", "mcmock.toml: seed: 1.5 is not a whole number."),
        ('strict = "yes"', "mcmock.toml: strict: 'yes' is not true or false."),
        ('after-end = "stop"', "mcmock.toml: after-end: 'stop' is not one of gone, drop."),
        ('max-log-bytes = "lots"', "mcmock.toml: max-log-bytes: 'lots' is not a size such as 1048576, 512K or 64M."),
        ('preset = "flakey"', "mcmock.toml: preset: 'flakey' is not one of expired-session, "),
        ("tls-name = [1]", "mcmock.toml: tls-name: 1 is not text."),
        ("host = 1", "mcmock.toml: host: 1 is not text."),
        ("port = ", "mcmock.toml: not TOML: Invalid value (at end of document)"),
        ("[serve]\nport = 1", "mcmock.toml: serve is not an option"),
        ('[[fault]]\neffect = {type = "explode"}', "mcmock.toml: fault 1: "),
        ("fault = 3", "mcmock.toml: fault: must be [[fault]] tables, not 3"),
        ("[[scope]]\nname = 3", "mcmock.toml: scope rule 1: name is 3"),
        ('[scope]\nname = "a"', "mcmock.toml: scope: must be [[scope]] tables, not "),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line_that_says_where(text: str, message: str) -> None:
    Path("mcmock.toml").write_text(text)
    assert refused().startswith(f"mcmock: {message}")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    assert refused("--config", "absent.toml") == "mcmock: absent.toml: No such file or directory"
    assert "Is a directory" in refused("--config", str(tmp_path))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfea")
    assert "not TOML" in refused("--config", "bytes.toml")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["--port", "x"], {}, "Invalid value for --port: 'x' is not a whole number."),
        ([], {"MCMOCK_PORT": "x"}, "Invalid value for MCMOCK_PORT: 'x' is not a whole number."),
        ([], {"MCMOCK_STRICT": "perhaps"}, "Invalid value for MCMOCK_STRICT"),
        (["--prot", "1"], {}, "No such option"),
        (["extra"], {}, "Got unexpected extra argument (extra)"),
        (["--tls-key", "k.pem"], {}, "--tls-key needs --tls-cert"),
        (["--preset", "no-such"], {}, "Invalid value for --preset: 'no-such' is not one of"),
        (["--faults", "absent.toml"], {}, "absent.toml: No such file or directory"),
        (["--port", "0", "--https-port", "0", "--tls-cert", "absent.pem"], {}, "absent.pem: no such file"),
        (["--admin-token", " "], {}, "--admin-token must be printable ASCII"),
    ],
)
def test_what_is_wrong_elsewhere_is_one_line_that_says_where(
    arguments: list[str], variables: dict[str, str], message: str
) -> None:
    assert message in refused(*arguments, **variables)


def test_one_of_several_values_needs_no_list() -> None:
    Path("mcmock.toml").write_text('preset = "outage"')
    assert run().values["preset"] == ("outage",)


# -- what is printed -------------------------------------------------------------------------------------------------------


def test_print_config_shows_each_value_and_where_it_came_from() -> None:
    Path("mcmock.toml").write_text('after-end = "drop"\n[[fault]]\neffect = {type = "hang"}')
    printed = serve("--port", "1", "--print-config", "--strict", MCMOCK_SEED="3", MCMOCK_ADMIN_TOKEN="hush").stdout
    assert "port = 1  # flag --port\n" in printed
    assert "strict = true  # flag --strict\n" in printed
    assert "seed = 3  # variable MCMOCK_SEED\n" in printed
    assert 'after-end = "drop"  # file mcmock.toml\n' in printed
    assert 'log-format = "text"  # default\n' in printed
    assert "# and 1 [[fault]], file mcmock.toml" in printed
    assert "hush" not in printed


def test_what_is_printed_is_a_config_that_comes_to_the_same() -> None:
    arguments = ["--port", "1", "--tls-name", "a", "--preset", "deploy", "--after-end", "drop", "--seed", "9"]
    Path("printed.toml").write_text(serve(*arguments, "--print-config").stdout)
    assert run("--config", "printed.toml").values == run(*arguments).values


def test_the_reference_page_is_what_the_table_says() -> None:
    """Made anew by `python -m mcmock.cli.reference > docs/configuration.md`."""
    assert (ROOT / "docs" / "configuration.md").read_text() == reference()
    for option in OPTIONS.values():
        for name in (option.flag, option.variable, option.key):
            assert f"`{name}`" in reference()


def test_help_names_every_option() -> None:
    text = serve("--help").stdout
    assert all(option.flag in text for option in OPTIONS.values())


def test_groups_and_keys_are_unique() -> None:
    assert len(OPTIONS) == sum(len(group.options) for group in GROUPS)
    assert not set(OPTIONS) & set(TABLES)
    assert set(VALUES) == set(OPTIONS)


def test_the_example_of_the_reference_is_a_config() -> None:
    example = reference().partition("```toml\n")[2].partition("```")[0]
    assert config.parse(example, Path())
    assert tomllib.loads(example)
