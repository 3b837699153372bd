"""What was repaired in a submission and what could not be found, in words for the student and the instructor."""

from collections.abc import Collection

from cifarlab.teaching.grading.pairing import Pairing

EMPTY = "it appears to be empty"
"""Why an instructor should look at a notebook without any answer."""


def describe_repairs(
    found: Pairing, *, shared: list[str], moved: list[str], restored: list[str], changed: list[str]
) -> list[str]:
    """Returns what was repaired, a phrase each.

    Args:
        found: the cells and what they are in the assignment.
        shared: the names of answers that are in the cell of another.
        moved: the names of tests that were moved.
        restored: the names of cells that were restored.
        changed: the names of the instructor's cells that were changed.
    """
    listed = {
        "answers were recognized by their cell ids": found.how["id"],
        "answers were recognized by what they define": found.how["definition"],
        "answers were recognized by their place": found.how["place"],
        "answers share a cell with another": shared,
        "tests were run after the answers that they need": moved,
        "missing cells were restored": restored,
        "cells were changed that only the instructor may change, and the originals were used": changed,
    }
    phrases = [f"cells {number} and {number + 1} are halves of a function and were joined" for number in found.joined]
    for there, answers in found.answers.items():
        is_code = found.released[there].cell.kind == "code"
        name = found.label(there) if is_code else f"the answer to {found.label(there)}"
        numbers = _numbers(answers)
        if len(answers) > 1 and is_code and found.names(there):
            phrases.append(f"{name} is given in cells {numbers}; the last one that runs counts")
        elif len(answers) > 1:
            phrases.append(f"{name} is given in cells {numbers}, which were all kept")
        if answers and (found.cells[answers[-1]].kind == "code") != is_code:
            phrases.append(f"{name} is in a {'text' if is_code else 'code'} cell and was converted")
    labels = {one.cell.grade_id: found.label(there) for there, one in enumerate(found.released) if one.cell.grade_id}
    for words, names in listed.items():
        if names:
            phrases.append(f"{words}: {', '.join(dict.fromkeys(labels.get(name, name) for name in names))}")
    return phrases


def describe_missing(found: Pairing) -> tuple[list[str], str]:
    """Returns what could not be found, a phrase each, and why an instructor should look at the submission."""
    missing = [found.label(there) for there, answers in found.answers.items() if not answers]
    bound = {name for code, cell in zip(found.codes, found.cells, strict=True) for name in code.bound}
    undefined = [name for there, found_in in found.answers.items() if found_in for name in found.names(there) - bound]
    others = _unmatched(found)
    phrases = [f"no answer to {', '.join(missing)}"] if missing else []
    phrases += [f"`{name}` is defined nowhere" for name in undefined]
    if missing and others:
        belong = "cell {} belongs" if len(others) == 1 else "cells {} belong"
        phrases.append(f"{belong.format(_numbers(others))} to no task")
    if found.foreign:
        phrases.append("most of its cells have names of another assignment")
    if len(missing) == len(found.answers) and not others and not found.foreign:
        return ["no answer to any task; the notebook appears to be empty"], EMPTY
    return phrases, "; ".join(phrases) if undefined or found.foreign or (missing and others) else ""


def _unmatched(found: Pairing) -> list[int]:
    """Returns a student's cells that are neither an answer, nor a cell of the assignment, nor used by an answer."""
    answers = {here for cells in found.answers.values() for here in cells}
    known = answers | set(found.pairs.values()) | {here for claims in found.claims.values() for here in claims}
    known -= {here for there, here in found.pairs.items() if _is_written_into(found, there, here)} - answers
    waiting, needed = list(answers), set(answers)
    tasks = {name for there in found.answers for name in found.names(there)}
    while waiting:
        used = found.codes[waiting.pop()].used - tasks
        for here, code in enumerate(found.codes):
            if here not in needed and code.bound & used:
                needed.add(here)
                waiting.append(here)
    stubs = {here for here in range(len(found.cells)) for there in found.answers if found.stub_nodes(here, there)}
    return [here for here in range(len(found.cells)) if here not in known | needed | stubs and found.is_students(here)]


def _is_written_into(found: Pairing, there: int, here: int) -> bool:
    """Returns whether a student wrote something into a text cell that is not meant for an answer."""
    is_text = found.released[there].cell.kind != "code" and found.released[there].role != "answer"
    return is_text and found.is_changed(here, there) and found.is_students(here)


def _numbers(cells: Collection[int]) -> str:
    """Returns the numbers of cells, counted from 1.

    >>> _numbers([0, 2, 3]), _numbers(range(9))
    ('1, 3 and 4', '1, 2, 3, 4, 5 and 4 more')
    """
    numbers = [str(here + 1) for here in cells]
    if len(numbers) > 6:
        numbers = [*numbers[:5], f"{len(numbers) - 5} more"]
    return " and ".join([", ".join(numbers[:-1]), numbers[-1]] if len(numbers) > 1 else numbers)
