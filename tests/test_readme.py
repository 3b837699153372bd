"""README.md is correct; test_reported_results.py checks its results."""

import re
from pathlib import Path

import pytest

from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.teaching.checks.result import CheckFailedError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def in_words(minutes):
    return f"{minutes // 60} h {minutes % 60} min"


def test_the_hours_are_the_sums_of_the_minutes():
    start = (ROOT / "lessons" / "00_start_here.py").read_text()
    lessons = [int(minutes) for minutes in re.findall(r"^# \| \[0\d_\w+\].* \| (\d+) \|$", start, re.MULTILINE)]
    lessons.append(int(re.search(r"\*\*Time\*\*: (\d+) minutes", start)[1]))
    exercises = [
        int(minutes) for minutes in re.findall(r"^\| \[0\d_\w+\]\(exercises/.* \| (\d+) \|$", README, re.MULTILINE)
    ]
    assert (len(lessons), len(exercises)) == (8, 6)
    assert f"**Seven lessons and a start page** ({in_words(sum(lessons))})" in README
    assert f"**Six exercises** ({in_words(sum(exercises))})" in README


def test_the_example_of_a_check_is_what_it_says():
    def softmax(logits):
        exponentials = tf.exp(logits)
        return exponentials / tf.reduce_sum(exponentials, axis=0)

    with pytest.raises(CheckFailedError) as refused:
        teaching.check_softmax(softmax)
    assert f"\n```\n{str(refused.value).splitlines()[0]}\n```\n" in README


def test_every_link_to_a_file_leads_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_no_command_to_copy_has_a_placeholder():
    assert "OWNER" not in README
