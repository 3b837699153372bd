"""The id of a check's advice is kept in the graded cell, and only if a check gave it."""

import json

import pytest
from nbformat.v4 import new_code_cell

from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed
from cifarlab.teaching.sandbox import nbgrader_cells
from cifarlab.teaching.sandbox.autograder import Autograder, sign

SECRET = "secret"


class NothingToRestore:
    """Stands in for a snapshot of all modules."""

    def restore(self):
        return []

    def part(self, *packages):
        return self


def graded(answer, name="softmax-check", secret=SECRET):
    """Runs a test of an answer as the kernel does; returns its cell with the outputs."""
    cell = new_code_cell("answer()", metadata={"nbgrader": {"grade_id": name, "grade": True, "points": 1}})
    outcome = json.dumps(Autograder(NothingToRestore).run_test(cell.source, {"answer": answer}))
    reply = {"outcome": outcome, "signature": sign(secret, cell.source, outcome)}
    cell.outputs = nbgrader_cells.test_outputs(cell, reply, SECRET)
    return cell


def fails(advice_id):
    def answer():
        raise CheckFailedError("check the axis.", advice_id=advice_id)

    return answer


def raises():
    error = KeyError("softmax.wrong-axis")
    error.advice_id = "softmax.wrong-axis"
    raise error


def subclass():
    class OwnError(CheckFailedError):
        pass

    raise OwnError("mine", advice_id="softmax.wrong-axis")


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        (fails("softmax.wrong-axis"), {}, "softmax.wrong-axis"),
        (fails("local_layer.channels-32"), {}, "local_layer.channels-32"),
        (fails(""), {}, ""),
        (fails("softmax.wrong-axis"), {"name": "private-mine"}, ""),  # a private test reveals nothing
        (fails("softmax.wrong-axis"), {"secret": "guessed"}, ""),  # not from the kernel
        (fails("softmax.<b>"), {}, ""),  # made up
        (fails("softmax.wrong axis"), {}, ""),
        (fails("softmax.axis\nsoftmax.other"), {}, ""),
        (fails("softmax." + "x" * 100), {}, ""),
        (fails("softmax"), {}, ""),
        (fails(["softmax.wrong-axis"]), {}, ""),
        (raises, {}, ""),
        (subclass, {}, ""),
        (lambda: CheckPassed("right."), {}, ""),
    ],
)
def test_only_a_checks_advice_is_stored(answer, options, expected):
    cell = graded(answer, **options)
    assert nbgrader_cells.advice_of(cell) == expected
    assert ("cifarlab" in cell.metadata) == bool(expected)
