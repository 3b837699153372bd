"""The minutes in docs/syllabus.md are those of the lessons and exercises."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "syllabus.md").read_text()
TEXT = (ROOT / "lessons" / "00_start_here.py").read_text() + (ROOT / "README.md").read_text()
MINUTES = {name: int(minutes) for name, minutes in re.findall(r"\| \[(\d\d_\w+)\].*\| (\d+) \|$", TEXT, re.MULTILINE)}
MINUTES["00_start_here"] = 10  # docs/index.md
PLANS = [plan for plan in re.split(r"\n\n", PAGE) if plan.startswith("| week")]


def test_every_lesson_and_exercise_has_its_minutes():
    names = {path.stem for folder in ("notebooks", "exercises") for path in (ROOT / folder).glob("*.ipynb")}
    assert set(MINUTES) == names
    assert "(../notebooks/00_start_here.ipynb), 10 minutes" in (ROOT / "docs" / "index.md").read_text()


@pytest.mark.parametrize(("plan", "weeks"), list(zip(PLANS, (4, 8), strict=True)))
def test_a_plan_adds_up_and_keeps_the_order(plan, weeks):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in plan.splitlines()[2:]]
    assert [row[0] for row in rows] == [str(week) for week in range(1, weeks + 1)]
    for _, lessons, exercises, minutes in rows:
        assert int(minutes) == sum(MINUTES[name] for name in re.findall(r"\d\d_\w+", f"{lessons} {exercises}"))
    taught = [name for row in rows for name in re.findall(r"\d\d_\w+", row[1])]
    assert taught == sorted(taught)
    assert len(taught) == 8
    given = {name for row in rows for name in re.findall(r"\d\d_\w+", row[2])}
    assert len(given) == (6 if weeks == 8 else 5)


def test_an_exercise_is_not_given_before_its_lesson():
    for plan in PLANS:
        seen = set()
        for line in plan.splitlines()[2:]:
            _, lessons, exercises, _ = line.strip("|").split("|")
            seen |= {int(name[:2]) for name in re.findall(r"\d\d_\w+", lessons)}
            for name in re.findall(r"\d\d_\w+", exercises):
                source = (ROOT / "lessons" / "exercises" / f"{name}.py").read_text()
                continued = re.search(r"\*\*Continues\*\* lessons? ([\d, and]+)", source)[1]
                assert {int(number) for number in re.findall(r"\d", continued)} <= seen, name
