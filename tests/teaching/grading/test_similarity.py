"""Nearly the same answers of two students."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cifarlab.teaching.grading.similarity import MAX_GROUPS, Similarity, find_similar, format_similar, read_answers

WORDS = (
    "The sorted file needs a much larger queue, because one batch only mixes what the queue holds at that moment, and "
    "neighbors in the file have the same class; in the other file they already differ from one another."
)
CHANGED = WORDS.replace("much ", "").replace("at that moment", "then")
OTHER = (
    "If records of one class follow each other, then a queue that is small sees only a few classes at any time. Files "
    "which were shuffled beforehand do not have that problem at all, so even short queues are good enough for them."
)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        (WORDS, WORDS, 1.0),
        (WORDS, WORDS.upper().replace(",", " ,\n"), 1.0),
        (WORDS, CHANGED, 0.9),
        (WORDS, OTHER, None),
        (WORDS, "", None),
        ("Because of the queue.", "Because of the queue.", None),  # short
        ("", "", None),
    ],
)
def test_answers_are_compared_by_words(one, other, ratio):
    found = find_similar({"ada": {"words": one}, "bob": {"words": other}}, {})
    assert [(each.students, each.task) for each in found] == ([(("ada", "bob"), "words")] if ratio else [])
    assert all(each.ratio >= ratio for each in found)
    assert not found or (found[0].ratio == 1) == (ratio == 1)


def test_the_stub_makes_no_two_answers_alike():
    stub = "def f(x):\n" + "".join(f"    step_{number} = x\n" for number in range(40))
    answers = {"ada": {"f": stub + "    return x + 1"}, "bob": {"f": stub + "    return x - 1"}}
    assert find_similar(answers, {"f": stub}) == []


def test_every_pair_is_found_most_similar_first():
    answers = {"cleo": {"words": CHANGED}, "ada": {"words": WORDS}, "bob": {"words": WORDS}, "dan": {}}
    found = find_similar(answers, {})
    assert [each.students for each in found] == [("ada", "bob"), ("ada", "cleo"), ("bob", "cleo")]


def test_a_class_with_one_answer_does_not_fill_the_screen():
    (line,) = format_similar(find_similar({f"student {n}": {"words": WORDS} for n in range(8)}, {}))
    assert line == f"{', '.join(f'student {n}' for n in range(7))} and student 7: words identical"


def test_only_the_first_groups_are_listed():
    pairs = [Similarity((f"a{n:02}", f"b{n:02}"), "words", 0.95 + n / 1000) for n in range(MAX_GROUPS + 2)]
    lines = format_similar(pairs)
    assert len(lines) == MAX_GROUPS + 1
    assert lines[-1] == "2 more groups"


@pytest.mark.parametrize(
    ("pairs", "lines"),
    [
        ([("c", "d", 0.95), ("a", "b", 1.0)], ["a and b: w identical", "c and d: w 95 % alike"]),
        ([("b", "c", 1.0), ("a", "d", 1.0)], ["b and c: w identical", "a and d: w identical"]),
        ([("a", "b", 1.0), ("a", "c", 0.92)], ["a and b: w identical", "a, b and c: w at least 92 % alike"]),
        ([("a", "b", 0.93), ("c", "d", 0.94), ("b", "c", 0.95)], ["a, b, c and d: w at least 93 % alike"]),
        ([], []),
    ],
)
def test_pairs_become_groups(pairs, lines):
    assert format_similar([Similarity((one, other), "w", ratio) for one, other, ratio in pairs]) == lines


def test_comments_and_docstrings_do_not_count(tmp_path):
    code = 'def f(x):\n    """{0}"""\n    # {0}\n    return x'

    def write(path, number):
        answer = {"nbgrader": {"grade_id": "f", "solution": True}}
        words = {"nbgrader": {"grade_id": "words", "solution": True}}
        cells = [new_code_cell(code.format(number), metadata=answer), new_markdown_cell("# No 1", metadata=words)]
        path.mkdir(parents=True)
        nbformat.write(new_notebook(cells=cells), path / "small.ipynb")

    write(tmp_path / "release" / "small", 0)
    write(tmp_path / "autograded" / "ada" / "small", 1)
    write(tmp_path / "autograded" / "bob" / "small", 2)
    answers, stubs = read_answers(tmp_path, "small")
    assert answers["ada"] == answers["bob"] == stubs
    assert answers["ada"]["words"] == "# No 1"
    assert "return x" in answers["ada"]["f"]
    assert list(read_answers(tmp_path, "small", ["ada"])[0]) == ["bob"]
