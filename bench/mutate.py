"""Which small changes to a module no test notices: one change at a time, and only the tests that run the changed line.

    python bench/mutate.py mcmock/core/sessions.py mcmock/core/match.py:100-140 [--tests tests/core/test_sessions.py ...]
        [--longest 0.5]

Prints what survived and exits 1 if anything did. To survive takes as long as the tests take; --longest leaves out those that
take longer. What is known to change nothing is in equivalent.toml beside this file, with the reason.

A changed function takes the place of the real one in a fork of a process that has imported everything, which takes
milliseconds. Where that cannot be (constants, tables, default values, what runs on import), a new process imports the
changed module. Tests that start mcmock as a process of its own see no change, so they count for nothing here.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

import coverage
import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
sys.path.insert(0, str(ROOT))  # the changed files are these, also where mcmock is installed from a wheel
EQUIVALENT: Final = HERE / "equivalent.toml"

# Browsers, containers, long runs and processes of their own: they take minutes and run hardly a line in this process.
LEFT_OUT: Final = ("container", "exec", "fuzz", "inspector", "openapi", "replicas", "soak", "workflows")

MEMORY: Final = 1 << 30  # bytes that a changed program may take beyond what there was: some never stop appending
COLLECTED: Final = "collected"  # what runs then, in parameters for instance, is no test's

SPARE: Final = 10.0  # s beyond ten times what the tests took unchanged


# -- the changes -----------------------------------------------------------------------------------------------------------

COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
REPLACED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
TESTED: Final = (ast.If, ast.While, ast.IfExp)
DELETED: Final = (ast.Assign, ast.AugAssign, ast.Raise, ast.Break, ast.Continue, ast.Delete, ast.Expr)
TYPES_ONLY: Final = ("annotation", "returns", "decorator_list", "type_comment")


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in `node`'s place."""
    if isinstance(node, ast.stmt):
        yield from _other_statements(node)
    if isinstance(node, ast.expr):
        yield from _other_expressions(node)
    if isinstance(node, TESTED) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        changed = copy.copy(node)
        changed.test = ast.UnaryOp(ast.Not(), node.test)
        yield changed


def _other_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Return(value=ast.expr()) if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.AugAssign() if type(node.op) in REPLACED:
            yield ast.AugAssign(node.target, REPLACED[type(node.op)](), node.value)
    if isinstance(node, DELETED):
        yield ast.Pass()


def _other_expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                for other in COMPARED[type(operator)]:
                    yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)
        case ast.BinOp() if type(node.op) in REPLACED:
            yield ast.BinOp(node.left, REPLACED[type(node.op)](), node.right)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))


class Mutant(NamedTuple):
    """One change: where it is, what it says, and the lines any of which a test must run to notice it."""

    number: int
    function: str
    line: int
    change: str
    lines: range
    code: CodeType


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change to a file, one after the other, always in the same order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for number, (function, line, change, lines) in enumerate(_changed(tree, (), tree)):
        yield Mutant(number, function, line, change, lines, compile(tree, str(path), "exec"))


def _changed(node: ast.AST, names: tuple[str, ...], statement: ast.AST) -> Iterator[tuple[str, int, str, range]]:
    """Put each change of what is below `node` into the tree, and take it out again when the next is asked for."""
    for field, value in ast.iter_fields(node):
        if field in TYPES_ONLY:
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST):
                continue
            within = child if isinstance(child, ast.stmt) else statement
            if isinstance(child, ast.expr | ast.stmt):
                yield from _put(node, field, place, child, names, within)
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            yield from _changed(child, (*names, child.name) if named else names, within)  # type: ignore[attr-defined]


def _put(
    node: ast.AST, field: str, place: int, child: ast.expr | ast.stmt, names: tuple[str, ...], statement: ast.AST
) -> Iterator[tuple[str, int, str, range]]:
    first, last = getattr(statement, "lineno", child.lineno), child.end_lineno or child.lineno
    if isinstance(child, TESTED):
        last = child.test.end_lineno or last
    for other in variants(child):
        change = f"{_shown(child)} → {_shown(other)}"
        if isinstance(child, ast.Constant):
            change += f" in {ast.unparse(statement).splitlines()[0]:.80}"
        _replace(node, field, place, ast.fix_missing_locations(ast.copy_location(other, child)))
        yield ".".join(names), child.lineno, change, range(first, last + 1)
        _replace(node, field, place, child)


def _replace(node: ast.AST, field: str, place: int, child: ast.AST) -> None:
    if isinstance(getattr(node, field), list):
        getattr(node, field)[place] = child
    else:
        setattr(node, field, child)


def _shown(node: ast.AST) -> str:
    """A node as source, on one line; of a statement with a body, its head."""
    text = ast.unparse(node) if not isinstance(node, ast.If | ast.While) else f"if {ast.unparse(node.test)}"
    return "delete" if isinstance(node, ast.Pass) else " ".join(text.split())


# -- the tests -------------------------------------------------------------------------------------------------------------


class Map(NamedTuple):
    """Which tests run which line, which lines run on import, and how long each test takes, in seconds."""

    tests: dict[str, dict[int, set[str]]]
    on_import: dict[str, set[int]]
    seconds: dict[str, float]
    longest: float  # tests that take longer are left out

    def near(self, path: Path, mutant: Mutant) -> list[str]:
        """The tests that run the changed line, the quickest first."""
        by_line = self.tests.get(str(path), {})
        return self._short(set().union(*(by_line.get(line, ()) for line in mutant.lines)))

    def behind(self, path: Path, mutant: Mutant) -> list[str]:
        """Those that may notice it where the line runs on import: all that run the module."""
        early = self.on_import.get(str(path), set())
        any_line = self.tests.get(str(path), {}).values()
        return self._short(set().union(*any_line)) if any(line in early for line in mutant.lines) else []

    def _short(self, names: set[str]) -> list[str]:
        short = (name for name in names if self.seconds[name] <= self.longest)
        return sorted(short, key=lambda name: (self.seconds[name], name))


class Mapper:
    """A plugin that runs the tests unchanged and writes down which lines each of them runs."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.seconds: dict[str, float] = {}
        self.coverage = coverage.Coverage(data_file=None, config_file=False, include=[str(path) for path in paths])
        self.coverage.start()
        for path in paths:
            import_module(name_of(path))
        self.coverage.switch_context(COLLECTED)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        began = time.monotonic()
        yield
        self.seconds[item.nodeid] = time.monotonic() - began
        self.coverage.switch_context(COLLECTED)

    def write(self, target: Path, paths: Sequence[Path]) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {str(path): data.contexts_by_lineno(str(path)) for path in paths}
        target.write_text(json.dumps({"lines": lines, "seconds": self.seconds}))


def mapped(paths: Sequence[Path], options: list[str], longest: float) -> Map:
    """The map, made in a fork, because this process must not have run a test before it forks for a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "map.json"
        if (child := os.fork()) == 0:
            mapper = Mapper(paths)
            code = pytest.main(options, plugins=[mapper])
            mapper.write(target, paths)
            os._exit(code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            sys.exit("mutate: the tests fail as it is; there is nothing to learn from changes")
        found = json.loads(target.read_text())
    tests: dict[str, dict[int, set[str]]] = {}
    early: dict[str, set[int]] = {}
    for path, lines in found["lines"].items():
        tests[path] = {int(line): set(names) - {"", COLLECTED} for line, names in lines.items()}
        early[path] = {int(line) for line, names in lines.items() if "" in names}
    return Map(tests, early, found["seconds"], longest)


# -- one changed program ---------------------------------------------------------------------------------------------------


def functions(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """The code of a module and of all that is in it, by qualified name and line."""
    found = {(code.co_qualname, code.co_firstlineno): code}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= functions(constant)
    return found


def own(code: CodeType) -> tuple[object, ...]:
    """What a code object does itself, without what it defines."""
    constants = tuple((type(one), one) for one in code.co_consts if not isinstance(one, CodeType))
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars


def put_in_place(path: Path, mutant: Mutant) -> bool:
    """Give the functions of this process the changed code; false if something else than functions would have to change."""
    was, now = functions(compile(path.read_text(encoding="utf-8"), str(path), "exec")), functions(mutant.code)
    if was.keys() != now.keys():
        return False
    if any(own(was[key]) != own(now[key]) and not now[key].co_flags & CO_OPTIMIZED for key in now):
        return False
    changed = {key for key in now if now[key].co_flags & CO_OPTIMIZED and was[key] != now[key]}
    done = False
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(path):
            key = (one.__code__.co_qualname, one.__code__.co_firstlineno)
            if key in changed:
                if one.__code__.co_freevars != now[key].co_freevars:
                    return False
                one.__code__ = now[key]
                done = True
    return done


def name_of(path: Path) -> str:
    """The name that a module is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Changed(SourceFileLoader):
    """Imports one module as the mutant has it."""

    def __init__(self, path: Path, mutant: Mutant) -> None:
        super().__init__(name_of(path), str(path))
        self.code = mutant.code

    def find_spec(self, fullname: str, *_where: object) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        assert fullname == self.name
        return self.code


class Only:
    """A plugin that leaves only the tests named, in that order."""

    def __init__(self, names: list[str]) -> None:
        self.names = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((one for one in items if one.nodeid in self.names), key=lambda item: self.names[item.nodeid])


def run_one(path: Path, number: int, options: list[str], names: list[str]) -> int:
    """What a process of its own does: import the changed module, run the tests named."""
    mutant = next(one for one in mutants(path) if one.number == number)
    changed = Changed(path, mutant)
    sys.meta_path.insert(0, changed)
    import_module(changed.name)  # before pytest, whose own importer would come first
    return pytest.main(["-x", *options], plugins=[Only(names)])


# -- all of them -----------------------------------------------------------------------------------------------------------


class Loop:
    """A plugin that has the tests collected, and then, instead of running them once, runs some of them for each mutant."""

    def __init__(self, files: dict[Path, range], known: Map) -> None:
        self.files, self.known = files, known
        self.forked = self.done = False
        self.counts = {"killed": 0, "equivalent": 0, "survived": 0}
        self.excused = excused()
        self.met: set[tuple[str, str, str]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.forked and report.failed:
            os._exit(1)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for path, lines in self.files.items():
            for mutant in mutants(path):
                self.met.add((path.name, mutant.function, mutant.change))
                if mutant.line in lines:
                    self._judge(path, mutant, items)
        self.done = True
        return True

    def _judge(self, path: Path, mutant: Mutant, items: dict[str, pytest.Item]) -> None:
        near, behind = self.known.near(path, mutant), self.known.behind(path, mutant)
        if (path.name, mutant.function, mutant.change) in self.excused:
            self.counts["equivalent"] += 1
        elif self._killed(path, mutant, [items[name] for name in near], [items[name] for name in behind]):
            self.counts["killed"] += 1
        else:
            self.counts["survived"] += 1
            tests = max(len(near), len(behind))
            ran = f"{tests} test{'s' if tests > 1 else ''}" if tests else "no test runs it"
            print(f"{path.relative_to(ROOT)}:{mutant.line} {mutant.function}: {mutant.change}  [{ran}]", flush=True)

    def outdated(self) -> list[tuple[str, str, str]]:
        """What equivalent.toml says of these files that they do not have any more."""
        names = {path.name for path in self.files}
        return sorted(one for one in self.excused - self.met if one[0] in names)

    def _killed(self, path: Path, mutant: Mutant, near: list[pytest.Item], behind: list[pytest.Item]) -> bool:
        code = self._in_a_fork(path, mutant, near) if near else None
        if code is None or (code == 0 and behind):
            code = self._in_a_process(path, mutant, behind or near) if behind or near else 0
        return code != 0

    def _limit(self, items: list[pytest.Item]) -> float:
        return SPARE + 10 * sum(self.known.seconds[item.nodeid] for item in items)

    def _in_a_fork(self, path: Path, mutant: Mutant, items: list[pytest.Item]) -> int | None:
        """The exit code, not 0 if a test failed or did not end; None if the change needs a process of its own."""
        if (child := os.fork()) == 0:
            os.setpgid(0, 0)
            self.forked = True
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, self._limit(items))
            hushed()
            if not put_in_place(path, mutant):
                os._exit(NOT_HERE)
            bounded()
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what its tests had started
        return None if code == NOT_HERE else code

    def _in_a_process(self, path: Path, mutant: Mutant, items: list[pytest.Item]) -> int:
        names = json.dumps([item.nodeid for item in items])
        files = sorted({str(item.path) for item in items})
        command = [sys.executable, __file__, "--one", str(mutant.number), str(path), "--tests", *files]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              text=True, start_new_session=True) as process:  # fmt: skip
            try:
                process.communicate(names, timeout=self._limit(items) + 20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        return process.returncode


NOT_HERE: Final = 99  # exit code of a fork that cannot show the change


def hushed() -> None:
    """Send what this process prints nowhere: a mutant's failures are no news."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def bounded() -> None:
    """Let this process take no more than MEMORY beyond what it has."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def excused() -> set[tuple[str, str, str]]:
    """The changes that are known to be without effect: file's name, function, change."""
    listed: list[dict[str, Any]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(one["file"], one["function"], one["change"]) for one in listed}


def files_of(given: Sequence[str]) -> dict[Path, range]:
    """The modules named, and those within the folders named, each with the lines that are meant."""
    found: dict[Path, range] = {}
    for one in given:
        name, _, lines = one.partition(":")
        first, _, last = lines.partition("-")
        path = Path(name).resolve()
        meant = range(int(first or 1), int(last or first or sys.maxsize - 1) + 1)
        found |= dict.fromkeys(sorted(path.rglob("*.py")) if path.is_dir() else [path], meant)
    return found


def tests_of(given: Sequence[str] | None) -> list[str]:
    if given:
        return list(given)
    found = sorted((ROOT / "tests").glob("test_*.py"))
    return [str(path) for path in found if path.stem.removeprefix("test_") not in LEFT_OUT]


def main() -> int:
    asked = argparse.ArgumentParser(description="Change one thing at a time and see whether a test notices.")
    asked.add_argument("modules", nargs="+", help="files or folders of mcmock; FILE:FIRST-LAST for some lines of one")
    asked.add_argument("--tests", nargs="+", help="test files; all that are quick, if left out")
    asked.add_argument("--longest", type=float, default=60.0, help="seconds; tests that take longer are left out")
    asked.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = asked.parse_args()
    os.chdir(ROOT)
    files = files_of(given.modules)
    paths = list(files)
    options = [
        "-q",
        "-s",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]
    options += tests_of(given.tests)
    if given.one is not None:
        bounded()
        return run_one(paths[0], given.one, options, json.load(sys.stdin))
    began = time.monotonic()
    loop = Loop(files, mapped(paths, options, given.longest))
    pytest.main(options, plugins=[loop])
    if not loop.done:
        sys.exit("mutate: not every change was tried")
    counts = loop.counts
    for file, function, change in loop.outdated():
        print(f"{EQUIVALENT.name}: there is no {change} in {function} of {file} any more")
    print(f"{sum(counts.values())} changes in {time.monotonic() - began:.0f} s: {counts['killed']} killed, "
          f"{counts['equivalent']} known to change nothing, {counts['survived']} survived")  # fmt: skip
    return 1 if counts["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
