"""Every piece of advice has an id: unique, listed in advice_ids.txt, and the same in all versions."""

import ast
import re
from pathlib import Path

import pytest

from cifarlab.teaching.checks import catalog, examiner
from tools.build_notebooks import LESSONS

HERE = Path(__file__).parent
CHECKS = Path(catalog.__file__).parent
LISTED = [line for line in (HERE / "advice_ids.txt").read_text().splitlines() if not line.startswith("#")]
IDS = [entry.id for entry in catalog.entries()]
WRONG = sorted(HERE.parent.glob("wrong/*/*.py"))
MODULES = sorted(CHECKS.glob("*.py"))


def constants(path):
    """The texts that a file assigns to names at its top."""
    nodes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: node.value.value for node in nodes if isinstance(node.value, ast.Constant)}


def test_ids_are_unique_and_never_change():
    assert len(IDS) == len(set(IDS)), "an id has two texts"
    assert sorted(IDS) == LISTED, "gradebooks contain ids: never change one; add new ones to advice_ids.txt, sorted"


def test_ids_of_a_check_differ_from_those_of_all_checks():
    every = {entry.id.split(".")[1] for entry in catalog.entries() if entry.check == catalog.ANY}
    assert {name for check, name in (each.split(".") for each in IDS) if check != catalog.ANY and name in every} <= {
        "other"  # a check may have its own words for it
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_all_advice_of_a_module_is_listed(path):
    """Advice without an id, or with one that is known only when the check runs, could not be listed."""
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("Advice", "fail"):
            first = call.args[0]
            known = isinstance(first, ast.Constant) and any(each.endswith(f".{first.value}") for each in IDS)
            passed_on = isinstance(first, ast.Starred | ast.Attribute)  # fail(*advice), fail(advice.id, ...)
            assert known or passed_on, ast.unparse(call)
        if name == "CheckFailedError":
            assert any(keyword.arg == "advice_id" for keyword in call.keywords), ast.unparse(call)


@pytest.mark.parametrize("check", catalog.LESSONS)
def test_a_check_has_advice_and_a_lesson_with_the_section_to_reread(check):
    assert sum(entry.check == check for entry in catalog.entries()) > 4
    lesson, section = catalog.LESSONS[check]
    assert f"\n# ## {section}\n" in (LESSONS / f"{lesson}.py").read_text()


def test_every_check_has_a_lesson():
    assert {entry.check for entry in catalog.entries()} == {*catalog.LESSONS, catalog.ANY}


def test_a_passed_check_mentions_other_numbers_if_grading_uses_them():
    sources = "".join(path.read_text() for path in (LESSONS / "exercises").glob("*.py"))
    assert set(re.findall(r"teaching\.check_(\w+)\(\w+, key=", sources)) == examiner.GRADED_WITH_OTHER_NUMBERS
    for name, key, note in (("softmax", None, True), ("softmax", "secret", False), ("probabilities", None, False)):
        passed = str(examiner.Examiner(name, key).passed("it is right."))
        assert passed == "Right: it is right." + " Grading uses other numbers, too." * note


def test_known_wrong_answers_name_ids_that_exist():
    for path in WRONG:
        known = constants(path)
        entry = catalog.find(known["ADVICE_ID"])
        assert entry, path
        assert known["ADVICE_ID"].split(".")[0] == known["CHECK"].removeprefix("check_"), path


def test_most_advice_has_a_known_wrong_answer():
    tried = {constants(path)["ADVICE_ID"] for path in WRONG}
    own = [each for each in IDS if not each.startswith("any.")]
    assert len(tried & set(own)) > 0.7 * len(own)


@pytest.mark.parametrize(
    ("advice_id", "words"),
    [
        ("softmax.still-logits", "these are still the logits."),  # a constant
        ("gradients.wrong-sign", "the … gradient has the wrong sign."),  # a formatted text
        ("local_layer.shared-biases", "… are shared by all positions"),  # of a function that two checks use
        ("local_network.shared-biases", "… are shared by all positions"),
        ("local_network.parameter-count", "with 2,112,970 parameters"),  # with a formatted constant
        ("evaluate_both.first-images", "on the first … images only"),  # with a placeholder
        ("evaluate_both.still-swapped", "so no weights have to be moved."),  # put together from two texts
        ("averages.timeout", "no result within … s."),  # of every check
        ("smallest_loss.other", "Put the best probabilities"),  # a check's own words
        ("softmax.other", "…: not correct. Compare the numbers below."),  # those of all checks
    ],
)
def test_words_are_those_that_a_student_sees(advice_id, words):
    assert words in catalog.find(advice_id).words


@pytest.mark.parametrize("unknown", ["", "softmax", "softmax.", "softmax.gone", "gone.timeout", "any", "a.b.c"])
def test_unknown_ids_have_no_entry(unknown):
    assert catalog.find(unknown) is None
