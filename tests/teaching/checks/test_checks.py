"""Every known wrong answer gets its specific advice; correct answers in several styles are accepted.

The answers are files in wrong/ and right/, in a directory for each exercise. Each names its check. A wrong answer also
quotes a part of its advice that no other advice of that check contains, and names the advice's id. The table of all
results is written to artefacts/verdicts.md.
"""

import contextlib
import importlib.util
import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.teaching.checks import catalog, examiner
from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed
from tools.build_notebooks import EXERCISES, LESSONS, ROOT, SOLUTIONS, from_source, students_version

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1]
WRONG = sorted((HERE / "wrong").glob("*/*.py"))
RIGHT = sorted((HERE / "right").glob("*/*.py"))
EXERCISE_NAMES = sorted(path.stem for path in (LESSONS / "exercises").glob("*.py"))
SECONDS = 30  # the time limit of a check on a busy machine


def answer_file(path):
    """Loads the module of an answer. LIKE names another answer on which it is based, INSTEAD the texts to replace."""
    spec = importlib.util.spec_from_file_location(f"answer_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    namespace = vars(module)
    if hasattr(module, "LIKE"):
        source, namespace = (HERE / module.LIKE).read_text(), {}
        for old, new in module.INSTEAD:
            assert source.count(old) == 1, f"{path.name}: {old!r} should stand once in {module.LIKE}"
            source = source.replace(old, new)
        exec(compile(source, str(path), "exec"), namespace)
        module.answer = namespace["answer"]
    if "trained" in namespace:
        namespace["trained"]()  # trains now, because that may exceed a check's time limit on a busy machine
    return module


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


def verdict_of(check, answer):
    """Returns a check's message for an answer, and the id of its advice; "" if the answer is correct."""
    try:
        return str(getattr(teaching, check)(answer)), ""
    except CheckFailedError as refusal:
        return str(refusal), refusal.advice_id


@pytest.fixture(scope="module")
def table():
    """Rows of the table of results, which is written at the end."""
    rows = []
    yield rows
    (ROOT / "artefacts").mkdir(exist_ok=True)
    lines = ["| answer | check | verdict |", "| --- | --- | --- |", *sorted(rows)]
    (ROOT / "artefacts" / "verdicts.md").write_text("\n".join(lines) + "\n")


def row(path, check, words):
    said = words.splitlines()[0].replace("|", "\\|")
    return f"| {path.parent.parent.name}/{name_of(path)} | `{check}` | {said} |"


@pytest.mark.parametrize("path", WRONG, ids=name_of)
def test_a_wrong_answer_gets_its_own_advice(path, table):
    wrong = answer_file(path)
    for answer in (wrong.answer, *getattr(wrong, "ALSO", ())):  # ALSO: other forms of the same mistake
        words, advice_id = verdict_of(wrong.CHECK, answer)
        table.append(row(path, wrong.CHECK, words))
        assert advice_id == wrong.ADVICE_ID, words
        assert wrong.ADVICE in words


@pytest.mark.parametrize("path", RIGHT, ids=name_of)
def test_a_right_answer_is_accepted(path, table):
    answer = answer_file(path)
    check = getattr(teaching, answer.CHECK)
    verdict = check(answer.answer)
    table.append(row(path, answer.CHECK, str(verdict)))
    assert isinstance(verdict, CheckPassed)


# A hidden test repeats a check with other numbers. `make test` tries it with the two exercises that need no network.


def in_hidden_tests(paths):
    quick = ("01_softmax", "03_queue_fill")
    return [pytest.param(path, marks=[pytest.mark.full] * (path.parent.name not in quick)) for path in paths]


@pytest.mark.parametrize("path", in_hidden_tests(RIGHT), ids=name_of)
def test_a_right_answer_is_accepted_in_hidden_tests(path):
    answer = answer_file(path)
    assert isinstance(getattr(teaching, answer.CHECK)(answer.answer, key="an instructor's"), CheckPassed)


@pytest.mark.parametrize("path", in_hidden_tests(WRONG), ids=name_of)
def test_a_wrong_answer_is_refused_in_hidden_tests_without_their_numbers(path):
    answer = answer_file(path)
    with pytest.raises(CheckFailedError) as refusal:
        getattr(teaching, answer.CHECK)(answer.answer, key="an instructor's")
    assert refusal.value.evidence == ""
    assert catalog.find(refusal.value.advice_id)


def test_no_two_wrong_answers_of_a_check_share_an_advice():
    answers = [answer_file(path) for path in WRONG]
    for one, other in itertools.permutations(answers, 2):
        assert one.CHECK != other.CHECK or one.ADVICE not in other.ADVICE, f"{one.__doc__} {other.__doc__}"


@pytest.mark.parametrize("exercise", EXERCISE_NAMES)
def test_an_exercise_has_six_wrong_answers_and_three_right_ones(exercise):
    assert len([path for path in WRONG if path.parent.name == exercise]) >= 6
    assert len([path for path in RIGHT if path.parent.name == exercise]) >= 3


# A check fails with a short message in limited time, whatever is passed.


def raises(*arguments):
    raise KeyError("a mistake of the student's")


def exits(*arguments):
    raise SystemExit


def loops(*arguments):
    while True:
        pass


def loops_and_catches(*arguments):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def floods(*arguments):
    while True:
        print("x" * 1000)


def recurses(*arguments):
    return recurses(*arguments)


class Odd:
    """An object whose methods all fail."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    def __array__(self, *arguments, **options):
        raise RuntimeError("array")


class OddCallable(Odd):
    def __call__(self, *arguments):
        raise KeyError


class OddError(Exception):
    def __str__(self):
        raise RuntimeError("str")


def raises_oddly(*arguments):
    raise OddError


ODD = {
    "None": None,
    "a string": "softmax",
    "a number": 3,
    "an object": Odd(),
    "a callable object": OddCallable(),
    "no arguments": lambda: 0,
    "returns None": lambda *arguments: None,
    "returns a string": lambda *arguments: "0.1",
    "returns strings": lambda *arguments: ["a", "b"],
    "returns ragged lists": lambda *arguments: [[1.0], [1.0, 2.0]],
    "returns an object": lambda *arguments: Odd(),
    "returns a function": lambda *arguments: raises,
    "returns complex numbers": lambda *arguments: np.zeros([3, 10], complex),
    "returns not a number": lambda *arguments: float("nan"),
    "returns nothing in it": lambda *arguments: np.zeros([0, 10]),
    "returns the wrong shape": lambda *arguments: tf.zeros([1, 2, 3, 4]),
    "returns much": lambda *arguments: np.zeros([10_000_000]),
    "returns a long list": lambda *arguments: [0] * 2_000_000,
    "returns a generator": lambda *arguments: (x for x in "ab"),
    "raises": raises,
    "raises oddly": raises_oddly,
    "exits": exits,
    "recurses": recurses,
    "floods": floods,
    "loops": loops,
    "loops and catches": loops_and_catches,
}


@pytest.mark.full
@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("check", teaching.__all__)
def test_odd_answers_are_refused_politely_and_soon(check, odd, monkeypatch, capfd):
    as_it_is = examiner.call_with_timeout
    monkeypatch.setattr(
        examiner, "call_with_timeout", lambda *given, timeout: as_it_is(*given, timeout=min(timeout, 1))
    )
    started = time.monotonic()
    with pytest.raises(CheckFailedError) as refusal:
        getattr(teaching, check)(odd)
    assert time.monotonic() - started < SECONDS
    assert len(str(refusal.value)) < 2000
    assert catalog.find(refusal.value.advice_id)
    assert capfd.readouterr() == ("", "")


# No file that students receive contains an answer.


def answers_lines(exercise):
    """The long lines of an exercise's solutions."""
    lines, inside = [], False
    for line in (LESSONS / "exercises" / f"{exercise}.py").read_text().splitlines():
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            inside = "BEGIN" in line
        elif inside and len(line.strip()) > 30:
            lines.append(line.strip())
    assert lines
    return lines


@pytest.mark.parametrize("exercise", EXERCISE_NAMES)
def test_students_files_do_not_contain_answers(exercise):
    seen = [path.read_text() for path in (*EXERCISES.glob("*.ipynb"), *(ROOT / "cifarlab" / "teaching").rglob("*.py"))]
    for line in answers_lines(exercise):
        assert not any(line in text or line.replace('"', '\\"') in text for text in seen), line
    exercise_text = (EXERCISES / f"{exercise}.ipynb").read_text()
    assert "SOLUTION" not in exercise_text
    assert "HIDDEN TESTS" not in exercise_text


@pytest.mark.parametrize("exercise", EXERCISE_NAMES)
def test_an_exercise_is_its_solution_without_the_answers(exercise):
    from tools.build_notebooks import as_text

    wanted = as_text(students_version(from_source(LESSONS / "exercises" / f"{exercise}.py")))
    assert (EXERCISES / f"{exercise}.ipynb").read_text() == wanted, "it is stale: make notebooks"
    assert (SOLUTIONS / f"{exercise}.ipynb").exists()


@pytest.mark.parametrize("exercise", EXERCISE_NAMES)
def test_stubs_run_and_fail_their_checks_politely(exercise, data_dir):
    notebook = students_version(from_source(LESSONS / "exercises" / f"{exercise}.py"))
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    namespace, checked = {}, 0
    exec(setup.source, namespace)
    for cell in notebook.cells:
        known = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and known.get("solution"):
            exec(cell.source, namespace)
        elif cell.cell_type == "code" and known.get("grade") and "check_" in cell.source:
            checked += 1
            with pytest.raises(CheckFailedError, match="is not written yet"):
                exec(cell.source, namespace)
    assert checked >= 2
