"""The files of docs/platforms: their syntax, their options, and what is in the zip file for Gradescope."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from cifarlab import cli
from cifarlab.teaching.grading.result_formats import plain
from tests.teaching.grading.test_grade_one import RESULT
from tools import gradescope_zip

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "platforms"
WORKFLOW = yaml.safe_load((FOLDER / "github" / "classroom.yml").read_text())
STEPS = {step["name"]: step for step in WORKFLOW["jobs"]["grade"]["steps"] if "name" in step}


def test_the_page_shows_every_file():
    shown = re.findall(r"literalinclude\} platforms/(\S+)", (DOCS / "platforms.md").read_text())
    assert sorted(shown) == sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())


def commands():
    """The cifarlab commands in all files, with variables in place of names and paths."""
    for path in FOLDER.rglob("*"):
        if path.is_file():
            for line in path.read_text().replace("\\\n", " ").splitlines():
                if found := re.search(r'(?:cifarlab"?) (assignments|data) (?!release`).*', line):
                    yield shlex.split(f"{found[1]} {found[0].split(found[1], 1)[1]}")


def test_cifarlab_accepts_the_commands():
    found = list(commands())
    assert len(found) == 4
    for arguments in found:
        if arguments[0] == "assignments":
            _, unknown = cli._parsers()[0].parse_known_args(arguments)
            assert not unknown


@pytest.mark.parametrize("script", sorted((FOLDER / "gradescope").iterdir()), ids=lambda path: path.name)
def test_scripts_are_executable_and_have_no_syntax_error(script):
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def run_autograder(root, program):
    """Runs the script with a program in place of cifarlab; returns what Gradescope would read."""
    (root / "venv" / "bin").mkdir(parents=True)
    (root / "venv" / "bin" / "cifarlab").write_text(f"#!/usr/bin/env bash\n{program}\n")
    (root / "venv" / "bin" / "cifarlab").chmod(0o755)
    subprocess.run([FOLDER / "gradescope" / "run_autograder"], env={**os.environ, "AUTOGRADER": str(root)}, check=True)
    return json.loads((root / "results" / "results.json").read_text())


def test_gradescope_gets_the_graders_result(tmp_path):
    """The stand-in writes its arguments as the result, to the path that follows --json."""
    program = """printf '["%s"]' "$*" > "$7"; exit 2"""
    (arguments,) = run_autograder(tmp_path, program)
    assert f"grade-one {tmp_path}/submission --course {tmp_path}/source/course --json" in arguments
    assert "--format gradescope" in arguments


@pytest.mark.parametrize("program", ["exit 1", "kill -9 $$", 'true > "$7"', "exec /not/there"])
def test_gradescope_gets_a_result_even_if_the_grader_does_not_start(tmp_path, program):
    assert run_autograder(tmp_path, program)["score"] == 0


def test_the_zip_file_has_what_grading_needs_and_no_more(tmp_path, capsys):
    course = tmp_path / "course"
    for step in ("release", "source", "submitted/ada", "release/../autograded"):
        (course / step / "01_softmax").mkdir(parents=True)
        (course / step / "01_softmax" / "01_softmax.ipynb").write_text(step)
    for name in ("key.txt", "gradebook.db"):
        (course / name).write_text("secret")
    target = tmp_path / "a.zip"
    assert gradescope_zip.main(["01_softmax", "--course", str(course), "--output", str(target)]) == 0
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        mode = archive.getinfo("run_autograder").external_attr >> 16
    assert stat.S_IMODE(mode) == 0o755
    assert {"setup.sh", "run_autograder", "cifarlab/pyproject.toml", "cifarlab/cifarlab/cli.py"} <= set(names)
    assert "cifarlab/cifarlab/model/weights/cifar10.npz" in names
    assert [name for name in names if name.startswith("course/")] == [
        "course/release/01_softmax/01_softmax.ipynb",
        "course/source/01_softmax/01_softmax.ipynb",
    ]
    assert not any("__pycache__" in name for name in names)
    first = target.read_bytes()
    gradescope_zip.write("01_softmax", course, target)
    assert target.read_bytes() == first


def test_an_exercise_that_was_not_released_gets_one_line(tmp_path, capsys):
    assert gradescope_zip.main(["01_softmax", "--course", str(tmp_path), "--output", str(tmp_path / "a.zip")]) == 2
    assert "Run `cifarlab assignments release 01_softmax` first." in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()


def test_the_workflow_shows_points_and_advice(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(plain(RESULT)))
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    subprocess.run([sys.executable, "-c", STEPS["Show"]["run"]], cwd=tmp_path, env=environment, check=True)
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("2.5 of 6 points\n")
    assert "| 2. Text: written answer | to be graded |" in summary
    assert "Not yet: check the axis." in summary
    assert "cells were restored." in summary


def test_the_workflow_cannot_write_to_the_repository():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "secrets" not in STEPS["Grade"].get("env", {})
