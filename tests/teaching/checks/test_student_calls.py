"""Tests of calling a student's function: time and output limits, and short, helpful messages."""

import sys
import threading
import time

import nbformat
import numpy as np
import pytest

from cifarlab.teaching.checks import examiner
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckFailedError
from cifarlab.teaching.checks.student_calls import call_with_timeout, short_repr
from cifarlab.teaching.sandbox.execution import execute_notebook


def refused(function, *arguments, seconds=0.3):
    with pytest.raises(CheckFailedError) as refusal:
        call_with_timeout(function, *arguments, timeout=seconds)
    return str(refusal.value)


def test_an_endless_loop_is_ended_and_leaves_no_thread():
    before = threading.active_count()

    def endless():
        while True:
            pass

    assert "no result within 0.3 s. Is there an endless loop?" in refused(endless)
    deadline = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_what_was_printed_is_told_where_it_helps():
    def debugged():
        print("the sum is", 3)
        raise ValueError("bad")

    words = refused(debugged, seconds=60)
    assert "debugged raised ValueError: bad in line" in words
    assert "It printed: the sum is 3" in words


def test_nothing_is_written_to_the_students_screen(capfd):
    def noisy():
        print("out")
        print("a warning", file=sys.stderr)
        return 4

    assert call_with_timeout(noisy) == 4
    assert capfd.readouterr() == ("", "")


def test_a_stub_is_told_from_a_mistake():
    def softmax(logits):
        raise NotImplementedError

    assert refused(softmax, 1, seconds=60) == (
        "Not yet: softmax is not written yet. Replace `raise NotImplementedError()` with your code."
    )


def test_too_few_arguments_are_told_with_the_functions_name():
    def softmax():
        return 1

    assert "softmax raised TypeError" in refused(softmax, 1, seconds=60)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros([2, 3], np.float32), "float32[2, 3]"),
        ({1: 2}, "a dict of 1"),
        (object(), "a object"),
        (1e300, "1e+300"),
    ],
)
def test_short_repr(value, words):
    assert short_repr(value) == words


def test_an_integer_that_python_does_not_write_out_is_brief():
    assert short_repr(10**5000) == "a int"


def test_cases_are_a_function_of_check_and_key():
    draw = [
        Examiner(name, key).random.integers(1 << 40) for name, key in (("a", None), ("a", None), ("a", "k"), ("b", "k"))
    ]
    assert draw[0] == draw[1]
    assert len(set(draw)) == 3


def test_evidence_is_shown_for_the_visible_cases_only():
    for key, shown in ((None, True), ("secret", False)):
        with pytest.raises(CheckFailedError) as refusal:
            Examiner("a", key).assert_close(np.ones(2), np.zeros(2), what="the sums", misconceptions={})
        assert ("expected [0. 0.]" in str(refusal.value)) == shown


def test_an_exception_on_hidden_cases_does_not_quote_them():
    def leaks(value):
        raise ValueError(value)

    with pytest.raises(CheckFailedError) as refusal:
        Examiner("a", "secret").call(leaks, 12345)
    assert "12345" not in str(refusal.value)


def test_hidden_numbers_stay_hidden_whatever_words_quote_an_exception(monkeypatch):
    def quotes(*arguments, **options):
        raise CheckFailedError("it ended with ValueError: 12345.", from_exception=True)

    monkeypatch.setattr(examiner, "call_with_timeout", quotes)
    with pytest.raises(CheckFailedError) as refusal:
        Examiner("a", "secret").call(abs, 12345)
    assert "12345" not in str(refusal.value)
    with pytest.raises(CheckFailedError, match="12345"):
        Examiner("a").call(abs, 12345)


def test_call_with_timeout_flags_advice_that_quotes_an_exception():
    def printing():
        while True:
            print("x" * 1000)

    def stub():
        raise NotImplementedError

    for function, flagged in ((lambda: {}[12345], True), (printing, False), (stub, False), (None, False)):
        with pytest.raises(CheckFailedError) as refusal:
            call_with_timeout(function)
        assert refusal.value.from_exception == flagged


def test_a_notebook_shows_the_words_alone():
    sources = [
        "from cifarlab.teaching.checks.result import CheckFailedError, CheckPassed",
        "raise CheckFailedError('turn it round.', 'expected 1, got 2')",
        "CheckPassed('it is.')",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    text = execute_notebook(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    refused, right = ([dict(o) for o in cell.outputs] for cell in nbformat.reads(text, as_version=4).cells[1:])
    assert refused[0]["traceback"] == ["Not yet: turn it round.", "expected 1, got 2"]
    assert right == [{"output_type": "display_data", "metadata": {}, "data": {"text/plain": "Right: it is."}}]


@pytest.mark.parametrize(
    ("places", "advice_id"),
    [
        (["ipykernel_1/1.py"], "not-written"),
        (["ipykernel_1/1.py", "ipykernel_1/1.py"], "not-written"),  # a method that calls another one
        (["ipykernel_1/2.py", "ipykernel_1/1.py"], "uses-not-written"),  # the answer is written, but uses a stub
        (["ipykernel_1/2.py", "site-packages/tensorflow/a.py"], "not-written"),  # nothing is known about that
    ],
)
def test_a_stub_of_another_task_is_told_apart(places, advice_id):
    names = {}
    for number, place in enumerate(places):
        body = f"f{number + 1}()" if number + 1 < len(places) else "raise NotImplementedError()"
        exec(compile(f"def f{number}():\n    {body}", f"/tmp/{place}", "exec"), names)
    with pytest.raises(CheckFailedError, match=f"f{len(places) - 1} is not written yet") as refusal:
        Examiner("softmax").call(names["f0"])
    assert refusal.value.advice_id == f"softmax.{advice_id}"


def broken(kind):
    def answer():
        raise ValueError(
            {"name": "x", "shapes": "Incompatible shapes: [2] and [3]", "type": "int32 tensor but is a int64"}[kind]
        )

    return answer


@pytest.mark.parametrize(
    ("answer", "advice_id"),
    [
        (None, "not-a-function"),
        (broken("name"), "raised"),
        (broken("shapes"), "raised-shapes"),
        (broken("type"), "raised-output-type"),
        (lambda: undefined, "raised-name-error"),  # noqa: F821
        (lambda: print("x" * 20_000), "printed-too-much"),
        (lambda: time.sleep(2), "timeout"),
    ],
)
def test_every_failed_call_has_an_id(answer, advice_id):
    for key, expected in (
        (None, advice_id),
        ("secret", "raised-hidden" if advice_id.startswith("raised") else advice_id),
    ):
        with pytest.raises(CheckFailedError) as refusal:
            Examiner("softmax", key, seconds=0.3).call(answer)
        assert refusal.value.advice_id == f"softmax.{expected}"


def test_an_id_that_a_students_code_makes_up_is_not_used():
    def answer():
        raise CheckFailedError("it is right.", advice_id="softmax.<b>")

    with pytest.raises(CheckFailedError) as refusal:
        Examiner("softmax").call(answer)
    assert refusal.value.advice_id == "softmax.raised"
