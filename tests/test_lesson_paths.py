"""Lessons and exercises run in any working directory: Colab, papermill and VS Code start kernels in different ones.

Reported of others: nteract/papermill #316, fastai/fastbook #219, open-edge-platform/anomalib #849.
"""

import ast

import pytest

from cifarlab.demos import recorded_runs
from tools.build_notebooks import ROOT

SOURCES = sorted((ROOT / "lessons").rglob("*.py"))
REPOSITORY = {"benchmarks", "cifarlab", "docs", "examples", "exercises", "lessons", "notebooks", "solutions", "tests"}


def paths_into_the_repository(code: str) -> list[str]:
    """Returns the strings in a program's code (not its comments) that lead to a file relative to the repository."""
    values = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    texts = [value for value in values if isinstance(value, str) and " " not in value]
    return [text for text in texts if text.startswith("../") or (text.partition("/")[0] in REPOSITORY and "/" in text)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_lesson_reads_nothing_relative_to_the_working_directory(source):
    assert paths_into_the_repository(source.read_text()) == []


def test_such_a_path_is_found():
    assert len(SOURCES) > 12
    assert paths_into_the_repository('Path("../benchmarks/results/a.jsonl")') == ["../benchmarks/results/a.jsonl"]
    assert paths_into_the_repository('open(f"{x}/y"), open("docs/cli.md"), open("runs/first")') == ["docs/cli.md"]


def test_the_recorded_run_is_found_in_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about, evaluations = recorded_runs.tutorial()
    assert about["config"]["max_steps"] == evaluations[-1]["step"] == 60_000
    assert [line["step"] for line in evaluations] == list(range(2_000, 62_000, 2_000))
