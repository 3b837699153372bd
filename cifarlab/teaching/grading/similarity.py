"""Which students' answers are identical or nearly so: a hint for the instructor, who has to look."""

import difflib
import itertools
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat

from cifarlab.files import entries
from cifarlab.teaching.sandbox.nbgrader_cells import nbgrader_metadata
from cifarlab.text import counted, sanitize

MIN_WORDS = 25
"""An answer with fewer words of its author, such as one line of code, is not compared: honest ones are often equal."""
MIN_RATIO = 0.9
"""From this share of equal words on, two answers are nearly identical."""
MAX_GROUPS = 30
"""How many groups of students are listed."""


class Similarity(NamedTuple):
    """Two students with nearly the same answer to a task.

    Attributes:
        students: their names.
        task: the name of the answer's cell.
        ratio: the share of equal words, 0.9 to 1.
    """

    students: tuple[str, str]
    task: str
    ratio: float


def find_similar(answers: Mapping[str, Mapping[str, str]], stubs: Mapping[str, str]) -> list[Similarity]:
    """Returns the pairs of students whose answers to a task are nearly the same, most similar first.

    Short answers are not compared; what the exercise gives itself (the stub) does not make an answer long.

    Args:
        answers: each student's answers, by the name of the cell.
        stubs: the texts that students started from, by the name of the cell.

    >>> words = "The second softmax flattens the probabilities so the gradient becomes small and learning is slow "
    >>> words += "at the start because every class gets nearly the same share of it"
    >>> find_similar({"ada": {"words": words}, "bob": {"words": words + "!"}, "cleo": {"words": "No."}}, {})
    [Similarity(students=('ada', 'bob'), task='words', ratio=1.0)]
    """
    found = []
    for task in dict.fromkeys(task for each in answers.values() for task in each):
        given = set(_words(stubs.get(task, "")))
        words = {student: _words(each[task]) for student, each in answers.items() if task in each}
        long = {
            student: text for student, text in words.items() if sum(word not in given for word in text) >= MIN_WORDS
        }
        for one, other in itertools.combinations(sorted(long), 2):
            ratio = _ratio(long[one], long[other])
            if ratio >= MIN_RATIO:
                found.append(Similarity((one, other), task, ratio))
    return sorted(found, key=lambda each: (-each.ratio, each.students, each.task))


def read_answers(
    course: Path, name: str, left_out: Collection[str] = ()
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Returns the arguments of `find_similar` for graded submissions; code without comments and docstrings.

    Args:
        course: the course directory.
        name: the assignment's name.
        left_out: the students who are not compared, such as one who was renamed since.
    """
    graded = {each.name: each / name / f"{name}.ipynb" for each in entries(course / "autograded")}
    graded = {student: path for student, path in graded.items() if student not in left_out}
    answers = {student: _answers(path) for student, path in graded.items() if path.is_file()}
    return answers, _answers(course / "release" / name / f"{name}.ipynb")


def _answers(path: Path) -> dict[str, str]:
    answers = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if nbgrader_metadata(cell).get("solution"):
            code = cell.cell_type == "code"
            text = re.sub(r'""".*?"""|#[^\n]*', "", cell.source, flags=re.DOTALL) if code else cell.source
            answers[str(cell.metadata.nbgrader.grade_id)] = text
    return answers


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[=<>+*/%@-]", text.lower())


def _ratio(one: list[str], other: list[str]) -> float:
    if one == other:
        return 1.0
    if 2 * min(len(one), len(other)) < MIN_RATIO * (len(one) + len(other)):
        return 0.0
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= MIN_RATIO else 0.0


def format_similar(found: list[Similarity]) -> list[str]:
    """Formats pairs as lines for the instructor, one for each group of students, the most similar first.

    >>> format_similar([Similarity(("ada", "bob"), "words", 1.0), Similarity(("ada", "bob"), "softmax", 0.934),
    ...     Similarity(("ada", "cleo"), "words", 0.91), Similarity(("bob", "cleo"), "words", 0.92)])
    ['ada and bob: words identical, softmax 93 % alike', 'ada, bob and cleo: words at least 91 % alike']
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for task in dict.fromkeys(each.task for each in found):
        pairs = [each for each in found if each.task == task]
        for students in _connected([each.students for each in pairs if each.ratio == 1]):
            groups.setdefault(students, []).append(f"{task} identical")
        for students in _connected([each.students for each in pairs]):
            ratio = min(each.ratio for each in pairs if each.students[0] in students)
            if ratio < 1:
                least = "at least " if len(students) > 2 else ""
                groups.setdefault(students, []).append(f"{task} {least}{100 * ratio:.0f} % alike")
    ordered = sorted(groups.items(), key=lambda group: "identical" not in " ".join(group[1]))
    lines = [f"{_listed(students)}: {', '.join(alike)}" for students, alike in ordered]
    more = [counted(len(lines) - MAX_GROUPS, "more group")] if len(lines) > MAX_GROUPS else []
    return lines[:MAX_GROUPS] + more


def _connected(pairs: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Returns the groups of students that pairs connect, each sorted."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [group for group in groups if group & {*pair}]
        groups = [group for group in groups if group not in touched] + [{*pair}.union(*touched)]
    return [tuple(sorted(group)) for group in groups]


def _listed(students: tuple[str, ...]) -> str:
    *most, last = map(sanitize, students)
    return f"{', '.join(most)} and {last}"
