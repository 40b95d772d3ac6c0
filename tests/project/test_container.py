"""The Dockerfile and the examples around it. There need be no container engine: files are linted and checked against their
schemas, and the Dockerfile's steps are run in a bare directory, with its environment, its health check and its stop signal.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mcmock.cli.options import OPTIONS, TABLES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
BIN = Path(sys.executable).parent

SCHEMAS = {
    "compose.yaml": "vendor.compose-spec",
    "compose-jvm.yaml": "vendor.compose-spec",
    "github-actions.yml": "vendor.github-workflows",
    "gitlab-ci.yml": "vendor.gitlab-ci",
}


class Step(NamedTuple):
    instruction: str
    arguments: str


def steps() -> list[Step]:
    """The Dockerfile's instructions, with continued lines joined and comments left out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = text.replace("\\\n", " ").splitlines()
    return [Step(*line.split(None, 1)) for line in lines if line.strip()]


def last(instruction: str) -> str:
    return [step.arguments for step in steps() if step.instruction == instruction][-1]


def environment() -> dict[str, str]:
    found = [shlex.split(step.arguments) for step in steps() if step.instruction == "ENV"]
    return dict(pair.split("=", 1) for pairs in found for pair in pairs)


# -- lint and schemas ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is not installed")
def test_the_dockerfile_is_linted() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.skipif(not (BIN / "check-jsonschema").exists(), reason="check-jsonschema is not installed")
def test_an_example_fits_its_schema(name: str) -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", SCHEMAS[name], str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not (BIN / "kubernetes-validate").exists(), reason="kubernetes-validate is not installed")
@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-replicas.yaml"])
def test_a_kubernetes_example_fits_its_schemas(name: str) -> None:
    command = [str(BIN / "kubernetes-validate"), "--strict", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [ROOT / "Dockerfile", *sorted(EXAMPLES.glob("*.y*ml"))], ids=lambda path: path.name)
def test_every_variable_that_is_set_is_an_option(path: Path) -> None:
    known = {option.variable for option in OPTIONS.values()} | {"MCMOCK_URL", "MCMOCK_CONFIG"}
    assert set(re.findall(r"\bMCMOCK_[A-Z_]+", path.read_text().replace("MCMOCK_…", ""))) <= known
    assert TABLES  # these are for the file, which none of the examples needs


def test_it_runs_as_nobody_in_particular_with_nothing_to_write_to_but_state() -> None:
    user, _, group = last("USER").partition(":")
    assert user.isdecimal()
    assert int(user) >= 10000
    assert group == user
    assert last("VOLUME") == last("WORKDIR") == environment()["MCMOCK_STATE_DIR"] == "/state"
    assert [step.instruction for step in steps()].index("USER") < [step.instruction for step in steps()].index(
        "ENTRYPOINT"
    )


def test_nothing_but_the_package_goes_into_the_build() -> None:
    """No history, no tests, no secrets that lie about: `.dockerignore` names what may, not what may not."""
    taken = {path.name for path in ROOT.iterdir() if not ignored(Path(path.name))}
    assert taken == {"pyproject.toml", "README.md", "LICENSE", "mcmock", "schemas", "fixtures"}


def ignored(path: Path) -> bool:
    """What .dockerignore says of a path: the last rule that matches it, or a folder it is in, decides."""
    answer = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        keep = rule.startswith("!")
        pattern = rule.removeprefix("!").removeprefix("**/")
        parts = path.parts if rule.startswith("**/") else path.parts[:1]
        if any(fnmatch.fnmatch(part, pattern) for part in parts):
            answer = not keep
    return answer


# -- the steps, in a bare directory ----------------------------------------------------------------------------------------


def copied(target: Path) -> None:
    """COPY . .: what git knows, but for what .dockerignore leaves out."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    for name in listed.stdout.splitlines():
        if not ignored(Path(name)) and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's file system, made by its own steps under a directory instead of /."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: there is nothing to copy from")
    at = tmp_path_factory.mktemp("image")
    for name in ("src", "opt"):
        (at / name).mkdir()
    folder = at
    for step in steps():
        if step.instruction == "WORKDIR":
            folder = at / step.arguments.lstrip("/")
        elif step.instruction == "COPY" and not step.arguments.startswith("--from"):
            copied(folder)
        elif step.instruction == "RUN":
            script = re.sub(r"(?<![\w.])/(opt|state)\b", rf"{at}/\1", step.arguments)
            script = re.sub(r"&& chown \S+ \S+", "", script)  # the steps run as us, and so does what they made
            done = subprocess.run(["sh", "-ec", script.replace("python -m", f"{sys.executable} -m")], cwd=folder,
                                  capture_output=True, text=True, timeout=300)  # fmt: skip
            if done.returncode and re.search(
                r"Temporary failure in name resolution|No matching distribution", done.stderr
            ):
                pytest.skip("the package index cannot be reached")
            assert done.returncode == 0, done.stderr
    return at


def in_image(root: Path, **variables: str) -> dict[str, str]:
    """The environment that the image gives a process, with our paths, on a loopback address of its own."""
    given = {name: re.sub(r"(?<![\w.])/(opt|state)\b", rf"{root}/\1", value) for name, value in environment().items()}
    given["PATH"] = given["PATH"].replace("$PATH", os.environ["PATH"])
    return {**given, "HOME": "/nonexistent", "MCMOCK_HOST": "127.0.0.1", "MCMOCK_PORT": "0", **variables}


@pytest.mark.skipif(os.name != "posix", reason="the image is a Linux one")
@pytest.mark.long
def test_the_image_starts_is_healthy_and_stops(root: Path) -> None:
    ready = root / "state" / "ready.json"
    variables = {"MCMOCK_ADMIN_TOKEN": "hush", "MCMOCK_HTTPS_PORT": "0", "MCMOCK_READY_FILE": str(ready)}
    variables |= {
        "MCMOCK_LOG_FORMAT": "json",
        "MCMOCK_LOG_REQUESTS": "true",
        "MCMOCK_JOURNAL": str(root / "state" / "j.db"),
    }
    command = json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))
    with subprocess.Popen(
        command, env=in_image(root, **variables), cwd=root / "state", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)[1]
        facts: dict[str, Any] = json.loads(line)
        health = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
        port = facts["url"].rpartition(":")[2]
        assert subprocess.run(health, env=in_image(root, MCMOCK_PORT=port), timeout=30).returncode == 0
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{facts['adminUrl']}/summary", timeout=5)
        urlopen(Request(f"{facts['url']}/api/v1/schemas/ping"), timeout=5).close()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(errors.splitlines()[0])["path"] == "/api/v1/schemas/ping"
    assert (
        subprocess.run(health, env=in_image(root, MCMOCK_PORT=port), stderr=subprocess.DEVNULL, timeout=30).returncode
        == 1
    )
    written = {path.name for path in (root / "state").iterdir()}
    assert {"ca", "ready.json", "j.db"} <= written
