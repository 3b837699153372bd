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


def page(cells, *, pending=(), released=(), score=3, most=6, notes=None, **facts):
    nbgrader = {"notebook": "small", "student": "<ada>", "score": score, "max_score": most, "late_penalty": 0}
    known = {feedback_page.comparable(text): text for text in released}
    resources = {"nbgrader": nbgrader, "cifarlab": {"pending": pending, "released": known, **facts}}
    notebook = new_notebook(cells=cells, metadata={"cifarlab": notes} if notes else {})
    text, _ = FeedbackExporter().from_notebook_node(notebook, resources)
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
    ("points", "text", "comment", "state", "advice"),
    [
        (0, "*Your answer*", "No response.", "missing", ""),
        (0, " ", None, "missing", ""),
        (0, "Because.", None, "failed", "0 of 2 points."),
        (0, "Because.", "Too short.", "failed", "Too short."),
        (0.5, "Because.", "Why?\n\nSay  more.", "partly", "Why? Say more."),
        (0.5, "Because.", "", "partly", "0.5 of 2 points."),
        (1.5, "Because.", "word " * 200, "partly", ("word " * 200)[: 400 - 6].rstrip() + " [...]"),
        (2, "Because.", "Well done.", "passed", ""),
    ],
)
def test_an_answer_graded_by_hand(points, text, comment, state, advice):
    cell = graded("words", points, 2, answer=text, comment=comment, make=new_markdown_cell)
    (check,) = summarize([cell], ())[0].checks
    assert (check.state, check.points, check.advice) == (state, points, advice)
    (waiting,) = summarize([cell], ["words"])[0].checks
    assert (waiting.state, waiting.points, waiting.advice) == ("pending", 0, "")


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Not yet: f is not written yet.", "`f` is not written yet."),
        ("Not yet: first_batch should be numbers.", "`first_batch` should be numbers."),
        ("Not yet: fine, but slow.", "Fine, but slow."),
        ("", "A condition of this test does not hold."),
    ],
)
def test_a_name_in_code_gets_no_capital_letter(message, advice):
    cells = [answer("def f(x):\n    return 2"), graded("f-check", 0, 2, outputs=failed("f", message))]
    assert summarize(cells, ())[0].checks[0].advice == advice


def test_a_test_that_gave_some_points_is_listed():
    assert summarize([graded("f-check", 1, 2)], ())[0].checks[0].advice == "1 of 2 points."


def stub(name, points=2):
    check = graded(name, 0, points, outputs=failed("f", "Not yet: f is not written yet."))
    check.metadata["cifarlab"] = {"advice_id": "f.not-written"}
    return check


UNANSWERED = [
    new_markdown_cell("## 1. `double`"),
    stub("f-check"),
    stub("f-others"),
    new_markdown_cell(HINT),
    graded("words", 0, 2, answer="*Your answer*", comment="No response.", make=new_markdown_cell),
]
EMPTY = {
    "not_found": ["no answer to any task; the notebook appears to be empty"],
    "attention": "it appears to be empty",
}


def test_a_notebook_without_answers_gets_one_sentence_and_a_table():
    text = shown(page([*UNANSWERED, failing_private()], score=0, most=8, notes=EMPTY))
    assert text.startswith("> 0 of 8 points The 8 points include 2 for tests of your instructor that are not shown;")
    assert "without them. No answer was found in your notebook. task result points 1. double ○ no answer 0 / 4" in text
    assert text.count("○ no answer") == 3  # also the private test
    for words in ("not correct yet", "What to do next", "not written", "Everything is correct", "appears to be empty"):
        assert words not in text
    problem = "the file is not a Jupyter notebook but a PDF file: submit the .ipynb file."
    text = shown(page(UNANSWERED, notes={"not_found": [problem], "attention": problem}))
    assert "The file is not a Jupyter notebook but a PDF file: submit the .ipynb file. task" in text
    assert "No answer was found" not in text


def failing_private():
    return graded("private-1", 0, 2, outputs=failed("f", "Not yet: a private test of the instructor failed."))


def test_tasks_without_an_answer_are_listed_once():
    words = graded("words", 0.5, 2, answer="Because.", comment="Say `why`.", make=new_markdown_cell)
    cells = [*UNANSWERED[:3], new_markdown_cell("## 2. Triple"), stub("g-check"), new_markdown_cell(HINT), words]
    notes = {"not_found": ["no answer to `f`, `g`", "cell 5 belongs to no task"], "attention": "no answer ..."}
    text = shown(page(cells, notes=notes))
    assert text.split("What to do next ")[1] == (
        "2. Why , your answer in words: Say why . No answer yet: 1. double , 2. Triple"
    )
    assert "Cell 5 belongs to no task. task result" in text
    assert "no answer to" not in text


def test_the_code_of_a_private_test_has_no_fold():
    text = page([*CELLS[:4], failing_private()])
    assert text.count("<summary>The test</summary>") == 1


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
        "> 3 of 6 points so far; 2 are still to be graded by hand Submitted late by 1 h (no points subtracted). The 6 "
        "points include 1 for tests of your instructor that are not shown; your notebook may state the number without "
        "them."
    )
    for words in ("1. double ◐ partly correct 2 / 3", "2. Why … to be graded \N{EN DASH} / 2", "✓ correct 1 / 1"):
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
        if state not in ("partly", "missing"):  # the first is a task's, not a check's
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
