"""The feedback page: summary, states, first causes, formulas and hints. `make test-full` looks at whole pages."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cifarlab.teaching.grading import feedback_page
from cifarlab.teaching.grading.feedback_page import FeedbackExporter, formula
from cifarlab.teaching.grading.feedback_summary import STATES, summarize

HINT = "## 2. Why\n\n<details><summary>Hint</summary>\n\nLook at $q_c$.\n\n</details>"


def graded(name, score, points, *, outputs=(), answer="", comment=None, make=new_code_cell):
    solution = bool(answer)
    known = {"grade_id": name, "grade": True, "solution": solution, "locked": not solution, "task": False}
    known |= {"points": points, "score": score, "comment": comment, "schema_version": 3}
    extra = {"outputs": list(outputs)} if make is new_code_cell else {}
    return make(answer or "check(f)", metadata={"nbgrader": known}, **extra)


def failed(name, words, ename="CheckFailedError"):
    return [new_output("error", ename=ename, evalue=words, traceback=[words])]


def answer(source, *outputs):
    known = {"grade_id": "f", "grade": False, "solution": True, "comment": None}
    return new_code_cell(source, metadata={"nbgrader": known}, outputs=list(outputs))


def page(cells, *, pending=(), released=(), score=3, most=6, **facts):
    nbgrader = {"notebook": "small", "student": "<ada>", "score": score, "max_score": most, "late_penalty": 0}
    known = {feedback_page.comparable(text): text for text in released}
    resources = {"nbgrader": nbgrader, "cifarlab": {"pending": pending, "released": known, **facts}}
    text, _ = FeedbackExporter().from_notebook_node(new_notebook(cells=cells), resources)
    return text


def shown(text):
    """The summary's text, without tags."""
    summary = text.split('class="summary"')[1].split("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", summary).split())


CELLS = [
    new_markdown_cell("# Doubling **twice**\n\nIt is $2x$."),
    new_markdown_cell("## 1. `double`"),
    answer("def f(x):\n    return 2"),
    graded("f-check", 2, 2),
    graded("f-others", 0, 1, outputs=failed("f", "Not yet: use `x < 1`.\nexpected 2")),
    new_markdown_cell(HINT),
    graded("words", 0, 2, answer="Because.", make=new_markdown_cell),
    graded("private-secret_name", 1, 1),
]


def test_states_points_and_titles_by_task():
    tasks = summarize(CELLS, ["words"])
    assert [(task.title, task.state, task.points, task.most) for task in tasks] == [
        ("1. double", "partly", 2, 3),
        ("2. Why", "pending", 0, 2),
        ("More tests of your instructor", "passed", 1, 1),
    ]
    assert [(check.title, check.state, check.advice) for task in tasks for check in task.checks] == [
        ("the check that you saw", "passed", ""),
        ("the same check with other numbers", "failed", "Use `x < 1`."),
        ("your answer in words", "pending", ""),
        ("a test that is not shown", "passed", ""),
    ]


@pytest.mark.parametrize(
    ("score", "points", "state"),
    [(0, 2, "failed"), (2, 2, "passed"), (1, 2, "partly"), (3, 2, "passed"), (0, 0, "passed")],
)
def test_the_state_of_a_check_follows_from_its_points(score, points, state):
    (task,) = summarize([graded("f-check", score, points)], ())
    assert task.state == state == task.checks[0].state


@pytest.mark.parametrize(
    ("words", "comment", "advice"),
    [(0, "No response.", "No answer was found here."), (0, None, "No answer was found here."), (0, "Too short.", "")],
)
def test_an_answer_without_points(words, comment, advice):
    cell = graded("words", words, 2, answer="*Your answer*", comment=comment, make=new_markdown_cell)
    assert summarize([cell], ())[0].checks[0].advice == advice


def name_error(name):
    return failed("f", f"name '{name}' is not defined", "NameError")


@pytest.mark.parametrize(
    ("source", "error", "cause"),
    [
        ("def f(x)\n    return", ("SyntaxError", "expected ':' (12.py, line 1)"), "SyntaxError: expected ':' (line 1)"),
        ("import nothing\ndef f(x): 1", ("ModuleNotFoundError", "No module"), "ModuleNotFoundError: No module"),
        ("f = net.call", ("NameError", "name 'net' is not defined"), "NameError: name 'net' is not defined"),
        ("class f:\n    x = 1 / 0", ("ZeroDivisionError", "division by zero"), "ZeroDivisionError: division by zero"),
        ("def g(x)\n    return f", ("SyntaxError", "expected ':'"), None),
        ("def off(x)", ("SyntaxError", "expected ':'"), None),
        ("def f(x): 1", None, None),
    ],
)
def test_the_first_cause_is_named_not_what_follows_from_it(source, error, cause):
    above = answer(source, *(failed("f", error[1], error[0]) if error else ()))
    earlier = graded("e-check", 0, 1, outputs=name_error("f"))
    checks = [earlier, graded("f-check", 0, 2, outputs=name_error("f"))]
    check = summarize([above, *checks], ())[0].checks[1]
    assert check.cause == bool(cause)
    assert (f"stopped with {cause}. Correct that first." if cause else "NameError: name 'f'") in check.advice


def test_the_page_begins_with_points_and_what_to_do():
    text = page(CELLS, pending=["words"], late="Submitted late by 1 h (no points subtracted).")
    assert shown(text).split(" task result points")[0] == (
        "> 3 of 6 points so far; 2 are still to be graded by hand Submitted late by 1 h (no points subtracted)."
    )
    for words in ("1. double ◐ partly correct 2 / 3", "2. Why … to be graded open / 2", "✓ correct 1 / 1"):
        assert words in shown(text)
    assert "What to do next 1. double , the same check with other numbers: Use x &lt; 1 ." in shown(text)
    assert "Doubling twice</h1>" in text
    assert text.count("<h1") == 1
    assert "Feedback for &lt;ada&gt;" in text


def test_every_state_has_a_symbol_and_words_besides_its_color():
    symbols = [symbol for symbol, _ in STATES.values()]
    assert len({*symbols}) == len({words for _, words in STATES.values()}) == len(STATES)
    text = page(CELLS, pending=["words"])
    for state, (symbol, words) in STATES.items():
        if state != "partly":  # a task's, not a check's
            assert re.search(rf'class="card {state}".*?{symbol}</span> {words}</span>', text, re.DOTALL)


def test_the_page_needs_no_network_no_script_and_no_file():
    text = page(CELLS)
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)|url\(|@import|https?://(?!www\.w3\.org/1998/Math)""", text)


def test_hints_are_folded_and_formulas_drawn():
    repaired = HINT.replace("<", "<\N{ZERO WIDTH SPACE}")  # as the repair of a submission leaves it
    text = page([new_markdown_cell(repaired)], released=[HINT])
    assert "<details><summary>Hint</summary>" in text
    assert re.search(r"<math .*?<mi>q</mi>\s*<mi>c</mi>", text, re.DOTALL)
    assert "$q_c$" not in text
    assert "<details>" not in page([new_markdown_cell(repaired)]).split("</style>")[1]


@pytest.mark.parametrize(
    "tex",
    [
        r"b_{rco} + \sum_{i=0}^{2} \sum_{j=0}^{2} \sum_{k} v_{r+i-1,\,c+j-1,\,k} \; w_{rcijko}",
        r"\frac{1}{2} \sum_c |p_c - q_c|",
        r"\sqrt{n}",
        "10^6",
        "r",
    ],
)
def test_the_formulas_of_the_exercises_are_converted(tex):
    assert formula(tex).startswith("<math ")
    assert formula(tex, block=True).startswith('<math display="block" ')


ODD = ["", "{", "}" * 50, "\\", "\\frac", "<script>", "&", "{" * 1900, "x" * 3000, "\ud83d", "\\text{<b>}"]


@pytest.mark.parametrize("tex", ODD)
def test_any_other_formula_is_shown_as_text_or_escaped(tex):
    text = formula(tex)
    assert "<script" not in text
    assert "<b>" not in text


def test_notes_and_comments_are_shown_and_escaped():
    cells = [graded("words", 1, 2, answer="Because.", comment="Good <b>.", make=new_markdown_cell)]
    notebook_notes = {"repaired": ["the cell `f` was moved <b>."], "not_found": []}
    notebook = new_notebook(cells=cells, metadata={"cifarlab": notebook_notes})
    nbgrader = {"notebook": "small", "student": "ada", "score": 1, "max_score": 2, "late_penalty": 0}
    text, _ = FeedbackExporter().from_notebook_node(notebook, {"nbgrader": nbgrader, "cifarlab": {}})
    assert "Good &lt;b&gt;." in text
    assert "was moved &lt;b&gt;." in text


def test_the_name_of_a_private_test_is_not_on_the_page():
    assert "secret_name" not in page(CELLS)
