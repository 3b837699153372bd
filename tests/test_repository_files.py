"""Workflows, issue forms, Binder, dev container, Colab and changelog are consistent with the repository."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
HOSTED = (ROOT / "docs" / "run-online.md").read_text()
EDITABLE = "--no-deps --no-build-isolation --config-settings editable_mode=compat -e ."
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def job(name, part="test"):
    """Returns a job of a workflow."""
    return WORKFLOWS[name]["jobs"][part]


def step_of(one, text, key="run"):
    """Returns the only step of a job whose command (or action) contains a text."""
    (found,) = [each for each in one["steps"] if text in each.get(key, "")]
    return found


def step(name, text, key="run"):
    """Returns such a step of a workflow's job `test`."""
    return step_of(job(name), text, key)


def test_there_are_two_workflows():
    assert sorted(WORKFLOWS) == ["ci", "latest"]


@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name, read in sorted(WORKFLOWS.items()) for part in read["jobs"]]
)
class TestEveryJob:
    def test_may_only_read(self, name, part):
        assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
        assert step_of(job(name, part), "actions/checkout", "uses")["with"]["persist-credentials"] is False

    def test_pins_actions_to_a_major_version(self, name, part):
        actions = [one["uses"] for one in job(name, part)["steps"] if "uses" in one]
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in actions)

    def test_calls_existing_make_targets(self, name, part):
        runs = [one.get("run", "") for one in job(name, part)["steps"]]
        called = [word for run in runs for word in re.findall(r"\bmake ([a-z-]+)", run)]
        assert called == {"test": ["setup", "test"], "full": ["setup", "test-rest"], "oldest": ["test-oldest"]}[part]
        assert set(called) <= TARGETS

    def test_caches_what_the_lock_names(self, name, part):
        settings = step_of(job(name, part), "setup-python", "uses")["with"]
        lock = {"test": "requirements.lock", "full": "requirements.lock", "oldest": "requirements-oldest.txt"}[part]
        assert (settings["cache"], settings["cache-dependency-path"]) == ("pip", lock)

    def test_fails_if_a_test_fails_although_output_is_piped(self, name, part):
        """GitHub's default shell does not set pipefail; `shell: bash` does."""
        piped = [one for one in job(name, part)["steps"] if "|" in one.get("run", "").replace("||", "")]
        assert all(one.get("shell") == "bash" for one in piped)

    def test_keeps_log_and_screenshots(self, name, part):
        one = job(name, part)
        kept = step_of(one, "upload-artifact", "uses")
        assert kept["if"] == "failure()"
        folder = kept["with"]["path"]
        assert f"tee {folder}make-test.log" in step_of(one, "make test")["run"]
        assert any(f"mkdir -p {folder.rstrip('/')}" in each.get("run", "") for each in one["steps"])
        assert f'ARTEFACTS = ROOT / "{folder.rstrip("/")}"' in (ROOT / "tests/browser/test_jupyter.py").read_text()

    def test_names_a_chromium_where_the_browser_tests_run(self, name, part):
        tested = step_of(job(name, part), "make test")
        chromium = {"test": "/usr/bin/google-chrome", "full": "/usr/bin/google-chrome", "oldest": None}[part]
        assert tested.get("env", {}).get("CIFARLAB_CHROMIUM") == chromium


def test_ci_uses_every_supported_python():
    admitted = SpecifierSet(PROJECT["requires-python"])
    supported = [f"3.{minor}" for minor in range(30) if admitted.contains(f"3.{minor}")]
    assert job("ci")["strategy"]["matrix"]["python"] == supported


def test_ci_uses_the_oldest_versions_on_the_oldest_python():
    settings = step_of(job("ci", "oldest"), "setup-python", "uses")["with"]
    assert settings["python-version"] == job("ci")["strategy"]["matrix"]["python"][0]


def test_latest_upgrades_after_the_locked_set_up():
    runs = [one.get("run", "") for one in job("latest")["steps"]]
    (place,) = [number for number, run in enumerate(runs) if "pip install" in run]
    assert "--upgrade tensorflow keras jupyterlab" in runs[place]
    assert runs.index("make setup") < place < next(n for n, run in enumerate(runs) if "make test" in run)
    assert (
        step("latest", "setup-python", "uses")["with"]["python-version"]
        == job("ci")["strategy"]["matrix"]["python"][-1]
    )


def test_latest_deselects_one_existing_test():
    """pytest does not complain about deselected tests that do not exist."""
    ((path, name),) = re.findall(r"--deselect=(\S+)::(\w+)", step("latest", "make test")["env"]["PYTEST_ADDOPTS"])
    assert f"def {name}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms(path):
    form = yaml.safe_load(path.read_text())
    assert form["name"]
    assert form["description"]
    questions = form["body"]
    assert {one["type"] for one in questions} <= {"input", "textarea", "dropdown"}
    assert all(one["attributes"]["label"] for one in questions)
    assert len({one["id"] for one in questions}) == len(questions)
    for notebook in re.findall(r"notebooks/\w+\.ipynb", path.read_text()):
        assert (ROOT / notebook).exists()


def test_there_is_a_form_for_each_kind_of_issue():
    assert [path.stem for path in FORMS] == ["broken_setup", "unclear_text", "wrong_figure"]


def test_binder_installs_the_package_in_addition_to_the_lock():
    """A folder binder/ or .binder/ would hide environment.yml from Binder."""
    assert not any((ROOT / name).exists() for name in ("binder", ".binder", "Dockerfile"))
    assert os.access(ROOT / "postBuild", os.X_OK)
    assert f"python -m pip install {EDITABLE}\n" in (ROOT / "postBuild").read_text()
    assert EDITABLE in (ROOT / "environment.yml").read_text()


def test_dev_container():
    environment = (ROOT / "environment.yml").read_text()
    python = re.search(r"python=(3\.\d+)", environment)[1]
    assert re.fullmatch(rf"mcr\.microsoft\.com/devcontainers/python:{re.escape(python)}-\w+", CONTAINER["image"])
    assert Version(python) in SpecifierSet(PROJECT["requires-python"])
    assert CONTAINER["postCreateCommand"].split() == ["make", "setup"]
    assert f"PORT ?= {CONTAINER['forwardPorts'][0]}\n" in (ROOT / "Makefile").read_text()


def test_the_page_on_hosts_names_notebooks_and_no_repository():
    for notebook in re.findall(r"notebooks/\w+\.ipynb", HOSTED):
        assert (ROOT / notebook).exists()
    addresses = re.findall(
        r"(?:v2/gh|codespaces\.new|colab\.research\.google\.com/github|github\.com)/([\w.-]+/[\w.-]+)", HOSTED
    )
    assert len(addresses) == 4
    assert set(addresses) == {"OWNER/NAME"}


def test_colab_keeps_its_own_tensorflow():
    """The version range allows it, and the page installs neither the lock nor extras, and upgrades nothing."""
    (tensorflow,) = [one for one in map(Requirement, PROJECT["dependencies"]) if one.name == "tensorflow"]
    assert all(version in tensorflow.specifier for version in ("2.19.0", "2.20.0"))
    (line,) = re.findall(r"^%pip install .*", HOSTED, re.MULTILINE)
    assert line == "%pip install --quiet git+https://github.com/OWNER/NAME"


def test_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert first == PROJECT["version"]
