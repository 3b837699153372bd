"""Finds out which cell of a submitted notebook belongs to which cell of the assignment.

A cell is recognized by nbgrader's name, else by its cell id, else by the function or class that it defines, else by
its text and its neighbors.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from cifarlab.teaching.grading.python_code import analyze, continues, is_stub
from cifarlab.teaching.grading.stated_points import without_number


class Cell(NamedTuple):
    """A cell of a submitted notebook.

    Attributes:
        kind: "code", "markdown" or "raw".
        text: its source.
        cell_id: its id in the file, or "".
        grade_id: nbgrader's name of it, or "".
        attachments: its attachments, as in the file.
    """

    kind: str
    text: str
    cell_id: str = ""
    grade_id: str = ""
    attachments: Any = None


class Released(NamedTuple):
    """A cell of the assignment, as students received it.

    Attributes:
        cell: the cell; `cell.grade_id` is "" if nbgrader does not know it.
        role: "answer", "test", "locked", or "" for cells without a name.
        full_text: its text with hidden tests.
        is_private: whether students do not know that it exists.
    """

    cell: Cell
    role: str = ""
    full_text: str = ""
    is_private: bool = False


class Pairing:
    """The cells of a submission, and what they are in the assignment.

    Indexes of submitted cells are called `here`, those of the assignment's cells `there`.

    Attributes:
        cells: the submitted cells; halves of a function are joined.
        keys: their texts as far as they are compared.
        codes: what the code in each of them defines and uses.
        released: the assignment's cells.
        stubs: what the assignment's answers define.
        foreign: whether most of nbgrader's names in the submission belong to another assignment.
        claims: the cells that have the name or the id of an assignment's cell, by `there`.
        pairs: one cell for each of the assignment's cells that was found, by `there`.
        answers: the cells with an answer that is written, in the order in which they run, by `there`.
        how: the names of answers that were found by their "id", their "definition" or their "place".
        joined: the numbers of pairs of cells that were joined, counted from 1.
    """

    def __init__(self, cells: Sequence[Cell], released: Sequence[Released]) -> None:
        """Pairs the submitted cells, in order, with the assignment's."""
        self.released = released
        self.how: dict[str, list[str]] = defaultdict(list)
        self.cells, self.joined = _join(cells)
        self.keys = [_key(cell.text) for cell in self.cells]
        self._released_keys = [_key(one.cell.text) for one in released]
        self.codes = [analyze(code_of(cell)) for cell in self.cells]
        self.stubs = {there: analyze(one.cell.text) for there, one in enumerate(released) if one.role == "answer"}
        self._lines = {line.strip() for key in self._released_keys for line in key.split("\n")}
        self.foreign = self._is_foreign()
        self.claims = self._find_claims()
        self.pairs = self._find_pairs()
        self.answers: dict[int, list[int]] = {}
        for there in sorted(self.stubs, key=lambda there: not self.names(there)):  # what defines a function, first
            self.answers[there] = self._defined(there) if self.names(there) else self._claimed(there)
        self.answers = dict(sorted(self.answers.items()))
        for there in [there for there, found in self.answers.items() if not found]:
            self.answers[there] = self._by_place(there)

    def names(self, there: int) -> set[str]:
        """Returns the functions and classes that an answer should define."""
        return set(self.stubs[there].defined) if self.released[there].cell.kind == "code" else set()

    def label(self, there: int) -> str:
        """Returns what students call a cell of the assignment: what it should define, else the heading above it."""
        one = self.released[there]
        if one.role == "test":
            above = [other for other in self.stubs if other < there]
            return f"tests of {self.label(above[-1])}" if above else one.cell.grade_id
        if there in self.stubs and self.names(there):
            return ", ".join(f"`{name}`" for name in self.stubs[there].defined)
        texts = [other.cell.text for other in self.released[:there] if other.cell.kind != "code"]
        if headings := re.findall(r"^##+ +(.+?) *#*$", "\n".join(texts), re.MULTILINE):
            what = "the task" if one.cell.kind == "code" else "the question" if one.role == "answer" else "the text"
            return f"{what} in “{re.sub('[`*]', '', headings[-1])}”"
        return one.cell.grade_id

    def is_stub(self, here: int, there: int) -> bool:
        """Returns whether a cell contains this answer's stub, or other stubs, and nothing else."""
        stub, code = self.stubs[there], self.codes[here]
        if not self.keys[here] or not self.is_changed(here, there):
            return not self.cells[here].attachments
        if not self.names(there) or not code.defined or code.bound != set(code.defined):
            return False
        return all(is_stub(node, stub.defined.get(name)) for name, node in code.defined.items())

    def is_changed(self, here: int, there: int) -> bool:
        """Returns whether a cell's text differs from that of a cell of the assignment."""
        return self.keys[here] != self._released_keys[there]

    def stub_nodes(self, here: int, there: int) -> list[Any]:
        """Returns the definitions in a cell that this answer should replace and that are still to be written."""
        code, stub = self.codes[here], self.stubs[there]
        names = self.names(there) & set(code.defined)
        return [code.defined[name] for name in names if is_stub(code.defined[name], stub.defined[name])]

    def is_students(self, here: int) -> bool:
        """Returns whether a cell has a line that is not in the assignment."""
        lines = (line.strip() for line in self.keys[here].split("\n"))
        return any(line and line not in self._lines for line in lines)

    def _is_foreign(self) -> bool:
        """Returns whether most names are unknown; names such as "explanation" are the same in many assignments."""
        names = {cell.grade_id for cell in self.cells if cell.grade_id}
        return len(names & {one.cell.grade_id for one in self.released}) * 2 < len(names)

    def _find_claims(self) -> dict[int, list[int]]:
        names = {one.cell.grade_id: there for there, one in enumerate(self.released) if one.cell.grade_id}
        ids = {one.cell.cell_id: there for there, one in enumerate(self.released) if one.cell.cell_id}
        by_name: dict[int, list[int]] = defaultdict(list)
        by_id: dict[int, list[int]] = defaultdict(list)
        texts = {key: there for there, key in enumerate(self._released_keys)}
        for here, cell in enumerate(self.cells):
            known = None if self.foreign else names.get(cell.grade_id)
            there = known if known is not None else ids.get(cell.cell_id)
            if there is None or (self.is_changed(here, there) and self.keys[here] in texts):
                continue  # a cell with the text of another one of the assignment is that one
            (by_id if known is None else by_name)[there].append(here)
        self._by_id = set(by_id) - set(by_name)
        return {**by_id, **by_name}

    def _find_pairs(self) -> dict[int, int]:
        pairs: dict[int, int] = {}
        for there, claims in self.claims.items():
            pairs[there] = next((here for here in claims if not self.is_changed(here, there)), claims[0])
        claimed = {here for claims in self.claims.values() for here in claims}
        same: dict[str, list[int]] = defaultdict(list)
        for here, key in enumerate(self.keys):
            if here not in claimed and key:
                same[key].append(here)
        keys = self._released_keys
        repeated = Counter(keys)  # texts that occur once come first
        for there in sorted(range(len(keys)), key=lambda there: repeated[keys[there]]):
            candidates = same[keys[there]] if there not in pairs else []
            if candidates:
                before, _ = self._gap(there, pairs)
                pairs[there] = next((here for here in candidates if here > before), candidates[0])
                candidates.remove(pairs[there])
        for there, one in enumerate(self.released):
            if (
                there not in pairs
                and one.role in ("", "locked")
                and (similar := self._similar(there, pairs)) is not None
            ):
                pairs[there] = similar
        return pairs

    def _similar(self, there: int, pairs: dict[int, int]) -> int | None:
        """Returns the cell between the same neighbors with the most lines in common, if these are at least half."""
        before, after = self._gap(there, pairs)
        lines, taken = Counter(self._released_keys[there].split("\n")), set(pairs.values())
        shares = {}
        for here in range(before + 1, after):
            if here not in taken and self.cells[here].kind == self.released[there].cell.kind:
                others = Counter(self.keys[here].split("\n"))
                shares[here] = (lines & others).total() / max(lines.total(), others.total())
        best = max(shares, key=lambda here: shares[here], default=None)
        return best if best is not None and shares[best] >= 0.5 else None

    def _gap(self, there: int, pairs: dict[int, int]) -> tuple[int, int]:
        """Returns the cells before and after the place that a cell of the assignment has in the submission."""
        before = max((other for other in pairs if other < there), default=None)
        after = min((other for other in pairs if other > there), default=None)
        first = -1 if before is None else pairs[before]
        last = len(self.cells) if after is None else pairs[after]
        return first, last if last > first else len(self.cells)

    def _defined(self, there: int) -> list[int]:
        """Returns the cells that define what an answer should define, else those that have its name or id."""
        names, everywhere = self.names(there), range(len(self.cells))
        for kinds in (("code",), ("markdown", "raw")):
            found = []
            for here in everywhere:
                written = len(names & set(self.codes[here].defined)) > len(self.stub_nodes(here, there))
                if written and self.cells[here].kind in kinds and (self.codes[here].parsed or kinds == ("code",)):
                    found.append(here)
            if found:
                if not set(found) & set(self.claims.get(there, ())):
                    self.how["definition"].append(self.released[there].cell.grade_id)
                elif there in self._by_id:
                    self.how["id"].append(self.released[there].cell.grade_id)
                return found
        aliases = [here for here in everywhere if names & self.codes[here].aliases and self.cells[here].kind == "code"]
        return self._claimed(there) or aliases[-1:]

    def _claimed(self, there: int) -> list[int]:
        """Returns the cells that have an answer's name or id and are no longer its stub."""
        taken = {here for other, found in self.answers.items() for here in found if self.names(other)}
        claims = [here for here in self.claims.get(there, ()) if here not in taken]
        found = [here for here in claims if not self.is_stub(here, there) and not self.stub_nodes(here, there)]
        if found and there in self._by_id:
            self.how["id"].append(self.released[there].cell.grade_id)
        return found

    def _by_place(self, there: int) -> list[int]:
        """Returns a student's cells at the place of an answer that defines no function, next to a known neighbor."""
        if self.names(there) or not {there - 1, there + 1} & set(self.pairs):
            return []
        others = {other: here for other, here in self.pairs.items() if other != there}
        before, after = self._gap(there, others)
        taken = {here for found in self.answers.values() for here in found} | set(others.values())
        found = []
        for here in range(before + 1, after):
            is_code = self.cells[here].kind == "code" and self.codes[here].parsed
            wanted = is_code == (self.released[there].cell.kind == "code")
            if wanted and here not in taken and not self.is_stub(here, there) and self.is_students(here):
                found.append(here)
        additions = [self.pairs[other] for other in (there - 1, there + 1) if other in self.pairs]
        is_text = self.released[there].cell.kind != "code"
        found = found or [here for here in additions if is_text and self.is_addition(here, there)]
        if found:
            self.how["place"].append(self.released[there].cell.grade_id)
        return found

    def is_addition(self, here: int, there: int) -> bool:
        """Returns whether a text was written into a neighbor of the cell for it, such as the question."""
        return any(
            self.pairs.get(other) == here
            and set(self._released_keys[other].split("\n")) <= set(self.keys[here].split("\n"))
            for other in (there - 1, there + 1)
            if self.released[there].cell.kind != "code" and self.cells[here].kind != "code"
            if self.is_students(here) and here not in self.claims.get(there, ())
        )

    def text_of(self, here: int, there: int) -> str:
        """Returns a text answer, without the assignment's text if it was written into a neighbor of its cell."""
        if not self.is_addition(here, there):
            return self.cells[here].text
        return "\n".join(line for line in self.keys[here].split("\n") if line.strip() not in self._lines).strip("\n")


def code_of(cell: Cell) -> str:
    r"""Returns a cell's text, without the fence around code in a text cell.

    >>> code_of(Cell("markdown", "```python\nx = 1\n```"))
    'x = 1'
    """
    fenced = re.fullmatch(r"\s*```[^\n`]*\n(.*?)\n?```\s*", cell.text, re.DOTALL) if cell.kind != "code" else None
    return fenced[1] if fenced else cell.text


_HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS$.*?^### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)


def _key(text: str) -> str:
    """Returns what is compared of a text: without blanks around it and at the end of lines, and hidden tests.

    The stated number of points does not count either: a student's copy may be older than the private tests.
    """
    return "\n".join(line.rstrip() for line in without_number(_HIDDEN.sub("", text)).split("\n")).strip("\n")


def _join(cells: Sequence[Cell]) -> tuple[list[Cell], list[int]]:
    """Joins halves of a function that was split over two cells; returns the numbers of the first halves, too."""
    result, joined = list(cells), []
    for here in range(len(result) - 1):
        first, second = result[here], result[here + 1]
        if first.kind == second.kind == "code" and continues(first.text, second.text):
            named = first if first.grade_id or first.cell_id else second
            result[here] = first._replace(text="", grade_id="", cell_id="")
            result[here + 1] = named._replace(text=f"{first.text}\n{second.text}")
            joined.append(here + 1)
    return result, joined
