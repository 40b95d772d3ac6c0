"""Regular expressions whose time grows with the text and never beyond: no pattern can stop a server.

Python's `re` tries one way after the other, so that `^(a+)+$` takes 20 s over 26 letters. Here all ways are followed at once:
a set of places in the pattern is stepped through the text, a character at a time. What `re` can find without going back is
left to it, because it is faster: a plain run of characters.

The language is Python's, read by its own parser, and the answer is that of `re.search`, in the first MAX_TEXT characters of
a text. What cannot be answered in linear time is refused by name: lookaround, backreferences, atomic groups, possessive repeats.
It knows nothing of requests and of matches.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from re import _constants as _ops  # type: ignore[attr-defined, unused-ignore]
from re import _parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any, NamedTuple, TypeVar

MAX_PATTERN = 1000
"""Characters of a pattern."""

MAX_PLACES = 500
"""Steps of a pattern after its counted repeats are written out: `a{3}` has three."""

MAX_TEXT = 4096
"""What is looked at of a text, in characters: a match must end within them."""

_KEPT = 1000
"""How many steps, and how many characters, a pattern remembers. That only saves time."""

_REFUSED = {
    _ops.ASSERT: "lookaround, (?=…) or (?<=…)",
    _ops.ASSERT_NOT: "lookaround, (?!…) or (?<!…)",
    _ops.GROUPREF: r"a backreference, such as \1",
    _ops.GROUPREF_EXISTS: "a condition, (?(1)…)",
    _ops.ATOMIC_GROUP: "an atomic group, (?>…)",
    _ops.POSSESSIVE_REPEAT: "a possessive repeat, such as a*+",
}
_CHARACTERS = (_ops.LITERAL, _ops.NOT_LITERAL, _ops.ANY, _ops.IN)
_CATEGORIES = {
    _ops.CATEGORY_DIGIT: r"\d", _ops.CATEGORY_NOT_DIGIT: r"\D", _ops.CATEGORY_SPACE: r"\s",
    _ops.CATEGORY_NOT_SPACE: r"\S", _ops.CATEGORY_WORD: r"\w", _ops.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def searcher(pattern: object) -> Callable[[str], bool]:
    """A function that says whether the pattern is found anywhere in a text. Raises ValueError, in words that follow "is"."""
    if not isinstance(pattern, str):
        raise ValueError("no regular expression: it must be text")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"too long: {len(pattern):,} characters, and at most {MAX_PATTERN:,} are taken")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubts about a pattern are for its author, not for the server's log
            parsed = _parser.parse(pattern)
            search = _Search(_Program(parsed)).found
            quick = re.compile(pattern).search if _is_plain(parsed) else None
    except (re.error, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if quick is None:
        return search
    return lambda text: quick(text) is not None if len(text) <= MAX_TEXT else search(text)


def _is_plain(parsed: Any) -> bool:
    """Return whether there is one way only to go through it: from each place of a text `re` then takes each step at most once."""
    return all(
        op in _CHARACTERS
        or op is _ops.AT
        or (op is _ops.SUBPATTERN and _is_plain(given[3]))
        or (op is _ops.MAX_REPEAT and given[0] == given[1] and len(given[2]) == 1 and given[2][0][0] in _CHARACTERS)
        for op, given in parsed
    )


# -- the program: what may stand at each place ----------------------------------------------------------------------------


class _Assertion(NamedTuple):
    """`^`, `$`, `\\b` and the like: a condition on the characters before and behind."""

    code: Any
    flags: int


class _Program:
    """The pattern as a graph. A place is passed by a character of its set; a fork and an assertion are passed by nothing.

    `ways[node]` are the nodes that follow it, `places` those that take a character; `bits` has a bit for each of these, and
    for the end. `letters` and `sets` tell by which characters, or sets of them, which places are passed.
    """

    def __init__(self, parsed: Any) -> None:
        """Raises ValueError, in words that follow "is", for what linear time does not allow."""
        self.places: list[int] = []
        self.bits: dict[int, int] = {}
        self.letters: dict[str, int] = {}
        self.sets: dict[str, int] = {}
        self.assertions: dict[int, _Assertion] = {}
        self.ways: list[list[int]] = []
        self.start = self._node()
        self.end = self._node(self._sequence(parsed, self.start, parsed.state.flags))
        self.bits[self.end] = 1 << len(self.places)

    def _node(self, *before: int) -> int:
        """Return a new node that follows those."""
        if len(self.ways) > 3 * MAX_PLACES or len(self.places) > MAX_PLACES:
            raise ValueError(f"too large: with its repeats written out it has more than {MAX_PLACES:,} steps")
        self.ways.append([])
        for node in before:
            self.ways[node].append(len(self.ways) - 1)
        return len(self.ways) - 1

    def _sequence(self, items: Iterable[Any], at: int, flags: int) -> int:
        """Put the items behind node `at`; returns the node that ends them."""
        for op, given in items:
            if op in _REFUSED:
                raise ValueError(f"refused: it has {_REFUSED[op]}, which takes more than linear time")
            at = self._item(op, given, at, flags)
        return at

    def _item(self, op: Any, given: Any, at: int, flags: int) -> int:
        if op in _CHARACTERS:
            return self._place(op, given, self._node(at), flags)
        if op is _ops.AT:
            at = self._node(at)
            self.assertions[at] = _Assertion(given, flags)
            return self._node(at)
        if op is _ops.SUBPATTERN:
            _, added, taken, items = given
            unicode = re.ASCII if added & re.UNICODE else 0
            return self._sequence(items, at, (flags | added) & ~taken & ~unicode)
        if op is _ops.BRANCH:
            return self._node(*[self._sequence(branch, self._node(at), flags) for branch in given[1]])
        if op in (_ops.MAX_REPEAT, _ops.MIN_REPEAT):
            return self._repeat(given, at, flags)
        if op is _ops.FAILURE:
            return self._node()  # nothing leads there
        raise ValueError(f"refused: it has {str(op).lower()}, which is not known here")

    def _place(self, op: Any, given: Any, at: int, flags: int) -> int:
        """Let `at` be passed by those characters."""
        bit = self.bits[at] = 1 << len(self.places)
        self.places.append(at)
        if op is _ops.LITERAL and not flags & re.IGNORECASE:
            self.letters[chr(given)] = self.letters.get(chr(given), 0) | bit
        else:
            letters = _letters(flags)
            text = f"(?{letters}:{_set_as_text(op, given)})" if letters else _set_as_text(op, given)
            self.sets[text] = self.sets.get(text, 0) | bit
        return at

    def _repeat(self, given: Any, at: int, flags: int) -> int:
        least, most, items = given
        for _ in range(least):
            at = self._sequence(items, self._node(at), flags)
        if most is _ops.MAXREPEAT:
            begin = self._node(at)
            end = self._sequence(items, begin, flags)
            self.ways[end].append(begin)
            return self._node(begin, end)
        ends = [at]
        for _ in range(most - least):
            at = self._sequence(items, self._node(at), flags)
            ends.append(at)
        return self._node(*ends)


def _letters(flags: int) -> str:
    flagged = {"a": re.ASCII, "i": re.IGNORECASE, "s": re.DOTALL}
    return "".join(letter for letter, flag in flagged.items() if flags & flag)


def _set_as_text(op: Any, given: Any) -> str:
    """Return a set of characters as it would be written between brackets."""
    if op is _ops.ANY:
        return "."
    items = given if op is _ops.IN else [(op, given)]
    return "[" + "".join(_set_item(*item) for item in items) + "]"


def _set_item(op: Any, given: Any) -> str:
    if op is _ops.NEGATE:
        return "^"
    if op is _ops.CATEGORY:
        return _CATEGORIES[given]
    if op is _ops.RANGE:
        return f"\\U{given[0]:08x}-\\U{given[1]:08x}"
    return f"{'^' if op is _ops.NOT_LITERAL else ''}\\U{given:08x}"


# -- the search: sets of places, as the bits of a number ------------------------------------------------------------------

_Key = TypeVar("_Key")

_BEGIN, _FINISH, _LAST_BREAK, _BREAK, _WORD, _LETTER, _OTHER = range(7)
"""What stands beside a place of the text, as far as an assertion can tell; _LETTER is a word's in Unicode only."""

_NOTHING_BOUNDARY = re.search(r"\B", "") is not None  # Python changed its mind in 3.14


def _kind(character: str) -> int:
    if character == "\n":
        return _BREAK
    if character.isalnum() or character == "_":
        return _WORD if character.isascii() else _LETTER
    return _OTHER


def _holds(assertion: _Assertion, before: int, behind: int) -> bool:
    code, flags = assertion
    lines = bool(flags & re.MULTILINE)
    if code in (_ops.AT_BEGINNING, _ops.AT_BEGINNING_STRING):
        return before == _BEGIN or (before == _BREAK and lines and code is _ops.AT_BEGINNING)
    if code is _ops.AT_END_STRING:
        return behind == _FINISH
    if code is _ops.AT_END:
        return behind in (_FINISH, _LAST_BREAK) or (behind == _BREAK and lines)
    words = (_WORD,) if flags & re.ASCII else (_WORD, _LETTER)
    is_boundary = (before in words) is not (behind in words)
    if code is _ops.AT_BOUNDARY:
        return is_boundary
    return not is_boundary and (_NOTHING_BOUNDARY or (before, behind) != (_BEGIN, _FINISH))


class _Steps:
    """Where one gets from each place, under assertions that hold alike."""

    def __init__(self, program: _Program, closed: frozenset[int]) -> None:
        """`closed` are the assertions that do not hold."""
        ways, bits = program.ways, program.bits
        reached = [bits.get(node, 0) for node in range(len(ways))]
        open_nodes = [node for node in reversed(range(len(ways))) if node not in bits and node not in closed]
        before: list[int] = []
        while before != reached:  # once more for each loop within a loop
            before = reached.copy()
            for node in open_nodes:
                for way in ways[node]:
                    reached[node] |= reached[way]
        self.first = reached[program.start]
        after = [_union(reached, ways[node]) for node in program.places]
        self._tables = [_of_four(after[number : number + 4]) for number in range(0, len(after), 4)]
        self.known: dict[int, int] = {}

    def next(self, places: int) -> int:
        """Return the places that may come next, after those of `places` or at a new beginning, and maybe the end."""
        reached = self.first
        for table, digit in zip(self._tables, f"{places:x}"[::-1], strict=False):
            reached |= table[digit]
        return _keep(self.known, places, reached)


def _union(reached: list[int], nodes: Iterable[int]) -> int:
    union = 0
    for node in nodes:
        union |= reached[node]
    return union


def _of_four(after: list[int]) -> dict[str, int]:
    """Return what comes after each choice of four neighbours; the choice is a hexadecimal digit."""
    return {
        f"{choice:x}": _union(after, (one for one in range(len(after)) if choice >> one & 1)) for choice in range(16)
    }


class _Search:
    """Finds the program in texts. Not locked: what several threads work out at once is the same."""

    def __init__(self, program: _Program) -> None:
        self._program = program
        self._end = program.bits[program.end]
        self._sets = [(re.compile(text).fullmatch, places) for text, places in program.sets.items()]
        self._passing: dict[str, int] = {}
        self._steps: dict[frozenset[int], _Steps] = {}
        self._beside: dict[tuple[int, int], _Steps] = {}

    def found(self, text: str) -> bool:
        places, before, end, asserts = 0, _BEGIN, self._end, bool(self._program.assertions)
        steps, passing = self._steps_for(_BEGIN, _FINISH), self._passing
        for number, character in enumerate(text[:MAX_TEXT]):
            if asserts:
                behind = self._behind(text, number)
                steps, before = self._steps_for(before, behind), _BREAK if behind == _LAST_BREAK else behind
            reached = steps.known.get(places, -1)
            if reached < 0:
                reached = steps.next(places)
            if reached & end:
                return True
            passed = passing.get(character, -1)
            places = reached & (passed if passed >= 0 else self._passed(character))
        if asserts:
            steps = self._steps_for(before, self._behind(text, min(len(text), MAX_TEXT)))
        return bool(steps.next(places) & end)

    def _behind(self, text: str, number: int) -> int:
        if number == len(text):
            return _FINISH
        kind = _kind(text[number])
        return _LAST_BREAK if kind == _BREAK and number == len(text) - 1 else kind

    def _steps_for(self, before: int, behind: int) -> _Steps:
        known = self._beside.get((before, behind))
        if known is None:
            closed = frozenset(
                node for node, one in self._program.assertions.items() if not _holds(one, before, behind)
            )
            known = self._steps.get(closed) or self._steps.setdefault(closed, _Steps(self._program, closed))
            self._beside[before, behind] = known
        return known

    def _passed(self, character: str) -> int:
        """The places that are passed by that character: `re` tells for each set, and never goes back over one character."""
        passed = self._program.letters.get(character, 0)
        for takes, places in self._sets:
            if takes(character):
                passed |= places
        return _keep(self._passing, character, passed)


def _keep(known: dict[_Key, int], key: _Key, value: int) -> int:
    """Remember the value, among at most _KEPT; returns it."""
    if len(known) >= _KEPT:
        known.clear()
    known[key] = value
    return value
