"""Running a test: names that are replaced are restored silently; only replacing them while it runs matters."""

import pytest

from cifarlab.teaching.checks import student_calls
from cifarlab.teaching.sandbox.autograder import Autograder


class Snapshot:
    """A snapshot that finds the given changes, a list for each time that it is restored."""

    found: list[list[str]]

    def part(self, *packages):
        return self

    def restore(self):
        return self.found.pop(0) if self.found else []


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(student_calls, "after_call_hook", student_calls.after_call_hook)

    def run(source, *changes, **names):
        """Runs a test; `changes` are found before it and after it."""
        Snapshot.found = [list(each) for each in changes]
        return Autograder(Snapshot).run_test(source, names)

    return run


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [["pyparsing.core.ParserElement._parse"]],  # by importing matplotlib.pyplot above the test
        [[], ["pyparsing.core.ParserElement._parse"]],  # by importing it in a function that the test calls
        [["numpy.sum"], ["_frozen_importlib_external.PathFinder.find_distributions"]],  # by importing Dask
    ],
)
def test_what_an_import_replaces_is_restored_silently(run, changes):
    outcome = run("assert f(1) == 2\n3", *changes, f=lambda x: x + 1)
    assert outcome == {"right": "", "number": 3.0}


def test_what_is_replaced_while_a_test_runs_gives_no_points_and_accuses_nobody(run):
    calls = []
    outcome = run("f()", [], ["pyparsing.core.ParserElement._parse", "numpy.sum"], f=lambda: calls.append(1) or 3)
    assert outcome["raised_by"] == "check"
    assert outcome["error"] == [
        "CheckFailedError",
        "your code replaces numpy.sum while the check runs, so its result cannot be used. Leave out the replacement.",
        "",
    ]
    assert "number" not in outcome
    assert len(calls) == 1, "a second run could use what the first one revealed"


def test_asserts_count_even_if_python_skips_its_own(run, monkeypatch):
    import builtins

    real, levels = builtins.compile, []

    def record(*given, optimize=-1, **more):
        levels.append(optimize)
        return real(*given, optimize=optimize, **more)

    monkeypatch.setattr("cifarlab.teaching.sandbox.autograder.compile", record, raising=False)
    assert run("assert False, 'no'")["error"][:2] == ["AssertionError", "no"]
    assert levels == [0]
