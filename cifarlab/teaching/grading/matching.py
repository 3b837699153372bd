"""Puts a student's cells and the instructor's tests into the order in which they are graded.

This gives no points by itself: the student's cells are executed in their order, each test after the answers that it
needs, and only the tests give points. Nothing is read or written here.
"""

import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from cifarlab.teaching.grading.findings import describe_missing, describe_repairs
from cifarlab.teaching.grading.pairing import Cell, Pairing, Released, code_of
from cifarlab.teaching.grading.python_code import analyze, without_definitions


class Placed(NamedTuple):
    """A cell to be graded.

    Attributes:
        kind: "code", "markdown" or "raw".
        text: a student's text, or the assignment's.
        name: its name in the assignment; "" for other cells.
        here: the index of the submitted cell that it comes from; None if it was missing.
        is_answer: whether the text is a student's, in a cell that has a name.
    """

    kind: str
    text: str
    name: str = ""
    here: int | None = None
    is_answer: bool = False


class Match(NamedTuple):
    """The result of `match`.

    Attributes:
        cells: what is executed and graded, in this order.
        repaired: what was repaired, a phrase each.
        not_found: what could not be found, a phrase each.
        attention: why an instructor should look at the submission; "" if there is no reason.
    """

    cells: list[Placed]
    repaired: list[str]
    not_found: list[str]
    attention: str


def match(cells: Sequence[Cell], released: Sequence[Released]) -> Match:
    r"""Matches the cells of a submitted notebook with those of the assignment.

    Each named cell of the assignment is in the result once; tests have the instructor's text. An answer that is still
    to be written never replaces one that is written.

    Args:
        cells: the submitted cells, in order.
        released: the cells of the assignment, in order.

    >>> stub, test = "def half(x):\n    raise NotImplementedError()", "assert half(4) == 2"
    >>> assignment = [Released(Cell("code", stub, "a1", "half"), "answer"),
    ...               Released(Cell("code", test, "b2", "check"), "test", test)]
    >>> rewritten = Cell("code", "def half(x):\n    return x / 2")
    >>> found = match([Cell("code", stub), Cell("code", test), rewritten], assignment)
    >>> for cell in found.cells: print(cell.name, "|", cell.text.replace("\n", " "))
    half | def half(x):     return x / 2
    check | assert half(4) == 2
    >>> for words in found.repaired: print(words)
    answers were recognized by what they define: `half`
    tests were run after the answers that they need: tests of `half`
    """
    found = Pairing(cells, released)
    arrangement = _Arrangement(found)
    placed = arrangement.arrange()
    repaired = describe_repairs(
        found,
        shared=arrangement.shared,
        moved=arrangement.moved,
        restored=arrangement.restored,
        changed=arrangement.changed,
    )
    return Match(placed, repaired, *describe_missing(found))


Key = tuple[int, int, int]
"""Where a cell is placed: at a submitted cell's index, or (with a 1) after it, and then in the assignment's order."""


class _Arrangement:
    """The state of `match`; see `Pairing` for the names `here` and `there`."""

    def __init__(self, found: Pairing) -> None:
        self.found = found
        self.owner = _owners(found)
        self.items: dict[Key, Placed] = {}
        self.keys: dict[int, Key] = {}  # by `there`
        self.moved: list[str] = []
        self.restored: list[str] = []
        self.changed: list[str] = []
        self.shared: list[str] = []

    def arrange(self) -> list[Placed]:
        """Returns the cells in order."""
        dropped = self._dropped()
        tests = {
            self.found.pairs[there]: there for there in self.found.pairs if self._role(there) in ("test", "locked")
        }
        for here, cell in enumerate(self.found.cells):
            there = self.owner.get(here, -1)
            is_addition = there >= 0 and self.found.is_addition(here, there)
            if there >= 0:
                key = (here, 1, there) if is_addition else (here, 0, 0)
                self._put(there, key, self._answer(there), is_answer=True)
            if there >= 0 and not is_addition:
                continue
            if here in tests:
                self._keep_instructors(tests[here], here)
            elif here not in dropped and self.found.keys[here]:
                self.items[here, 0, 0] = Placed(cell.kind, self._cleaned(here), here=here)
        for there, here in self.found.pairs.items():
            if not self._role(there):
                self.keys[there] = (here, 0, 0)
        self._restore()
        self._move_tests()
        return [self.items[key] for key in sorted(self.items)]

    def _role(self, there: int) -> str:
        return self.found.released[there].role

    def _put(self, there: int, key: Key, text: str, *, is_answer: bool = False) -> None:
        cell = self.found.released[there].cell
        here = key[0] if key[1] == 0 else None
        self.items[key] = Placed(cell.kind, text, cell.grade_id, here, is_answer)
        self.keys[there] = key

    def _answer(self, there: int) -> str:
        """Returns the text of an answer: of the last cell that gives it, or of all cells if it is text."""
        found = self.found
        if found.released[there].cell.kind != "code":
            return "\n\n".join(found.text_of(here, there) for here in self._joined(there))
        return self._cleaned(found.answers[there][-1])

    def _joined(self, there: int) -> list[int]:
        """Returns the cells whose texts become one answer; images, whose names may clash, stay in their cells."""
        answers = self.found.answers[there]
        return answers[-1:] if any(self.found.cells[here].attachments for here in answers) else answers

    def _cleaned(self, here: int) -> str:
        """Returns a cell's text without stubs of answers that are given, which would replace them."""
        cell = self.found.cells[here]
        given = [there for there, answers in self.found.answers.items() if answers]
        is_answer = any(here in self.found.answers[there] and self.found.names(there) for there in given)
        if cell.kind != "code" and not is_answer:
            return cell.text
        nodes = [node for there in given for node in self.found.stub_nodes(here, there)] + self.found.codes[here].void
        return without_definitions(code_of(cell), nodes) if nodes else code_of(cell)

    def _keep_instructors(self, there: int, here: int) -> None:
        """Places a cell that only the instructor may change; what a student defines in it becomes a separate cell."""
        text = self._cleaned(here)
        if (
            self.found.is_changed(here, there)
            and self.found.cells[here].kind == "code"
            and self.found.codes[here].defined
        ):
            self.items[here, 0, 0] = Placed("code", text, here=here)
            self._put(there, (here, 1, there), self.found.released[there].cell.text)
        else:
            self._put(there, (here, 0, 0), self.found.released[there].cell.text)
        if self.found.is_changed(here, there) and not self.found.released[there].is_private:
            self.changed.append(self.found.released[there].cell.grade_id)

    def _dropped(self) -> set[int]:
        """Returns the cells that are not placed: stubs, and parts of an answer that is text.

        The first stub of an answer that is not given stays, and gets its name.
        """
        found, dropped = self.found, set()
        for there, answers in found.answers.items():
            names = found.names(there)
            known = {*found.claims.get(there, ()), *([found.pairs[there]] if there in found.pairs else [])}
            stubs = known | {here for here, code in enumerate(found.codes) if names & set(code.defined)}
            stubs = {here for here in stubs if found.is_stub(here, there)}
            if not answers and known - set(self.owner):
                first = min(known - set(self.owner), key=lambda here: (not found.is_stub(here, there), here))
                written = not found.is_stub(first, there)  # such as an import above the stub
                text = found.cells[first].text if written else found.released[there].cell.text
                self._put(there, (first, 0, 0), text, is_answer=written)
                dropped.add(first)
            dropped |= stubs if answers or there in self.keys else set()
            if found.released[there].cell.kind != "code":
                dropped |= {here for here in self._joined(there) if not found.is_addition(here, there)}
        return dropped

    def _restore(self) -> None:
        """Places the cells of the assignment that the student deleted, and answers that share a cell with another."""
        needed = self._restored_code()
        for there, one in enumerate(self.found.released):
            if there not in needed and (there in self.keys or not one.cell.grade_id):
                continue
            answers = self.found.answers.get(there)
            if answers:
                shared = self.found.released[self.owner[answers[-1]]].cell.grade_id
                self.shared.append(one.cell.grade_id)
                self._put(there, (answers[-1], 1, there), f"# The answer is in the cell `{shared}`.", is_answer=True)
                continue
            anchor = self._needed(there, None) if one.role == "test" else -1
            if anchor < 0:
                before = [self.keys[other] for other in range(there + 1) if other in self.keys]
                anchor = before[-1][0] if before else -1
            self._put(there, (anchor, 1, there), one.cell.text)
            if not one.is_private:
                name = one.cell.grade_id or "the cell that defines " + ", ".join(sorted(needed[there])[:3])
                self.restored.append(name)

    def _restored_code(self) -> dict[int, frozenset[str]]:
        """Returns the assignment's missing code cells that define names which are used and defined nowhere else."""
        found, needed = self.found, {}
        cells = [code for code, cell in zip(found.codes, found.cells, strict=True) if cell.kind == "code"]
        tests = [analyze(one.full_text) for one in found.released if one.role == "test"]
        bound = {name for code in cells for name in code.bound}
        used = {name for code in cells for name in code.used} | {name for test in tests for name in test.used}
        imported = {
            name for one in found.released for name in analyze(one.cell.text).imported if one.cell.kind == "code"
        }
        used -= imported - {name for code in cells for name in code.used}  # each test has its own imports
        for there in reversed(range(len(found.released))):
            one = found.released[there]
            code = analyze(one.cell.text)
            missing = (code.bound & used) - bound
            is_there = there in found.pairs and found.codes[found.pairs[there]].parsed
            if one.cell.kind == "code" and not one.role and not is_there and missing:
                needed[there] = missing
                used |= code.used
        return needed

    def _move_tests(self) -> None:
        for there in sorted(self.found.pairs):
            key = self.keys[there]
            if self._role(there) == "test" and (last := self._needed(there, key[0])) > key[0]:
                self._put(there, (last, 1, there), self.items.pop(key).text)
                self.moved.append(self.found.released[there].cell.grade_id)

    def _needed(self, there: int, here: int | None) -> int:
        """Returns the last submitted cell that a test needs: an answer, or a helper that is defined nowhere before it.

        Args:
            there: the test.
            here: the submitted cell at which it is; None if it is missing.
        """
        found = self.found
        own = {name: other for other in found.answers for name in found.names(other)}
        used = analyze(found.released[there].full_text).used
        answers = {own[name] for name in used & set(own)}
        answers = answers or {max((other for other in found.answers if other < there), default=-1)} - {-1}
        last = max([self.keys[other][0] for other in answers if other in self.keys], default=-1)
        last = max([last, *(found.answers[other][-1] for other in answers if found.answers[other])])
        cells = [found.answers[other][-1] for other in answers if found.answers[other]]
        before, seen = max(last, -1 if here is None else here), set[str]()
        while cells:
            for name in found.codes[cells.pop()].used - seen:
                seen.add(name)
                given = found.answers.get(own.get(name, -1), [])[-1:]
                places = given or [other for other in self._definers[name] if other <= before] or self._definers[name]
                if places:
                    cells.append(places[0])
                    before = max(before, places[0])
                    last = max(last, places[0]) if given or places[0] > (-1 if here is None else here) else last
        return last

    @functools.cached_property
    def _definers(self) -> dict[str, list[int]]:
        """The submitted code cells that bind each name."""
        definers: dict[str, list[int]] = defaultdict(list)
        for here, (cell, code) in enumerate(zip(self.found.cells, self.found.codes, strict=True)):
            for name in code.bound if cell.kind == "code" else ():
                definers[name].append(here)
        return definers


def _owners(found: Pairing) -> dict[int, int]:
    """Returns the answer whose name each cell gets, which is one even if the cell gives several answers."""
    owner: dict[int, int] = {}
    for there, answers in found.answers.items():
        if answers and (answers[-1] not in owner or answers[-1] in found.claims.get(there, ())):
            owner[answers[-1]] = there
    return owner
