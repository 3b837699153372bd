"""The files that describe the environment say the same."""

import importlib.metadata
import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED_EXTRAS = ("notebooks", "grading", "cluster", "docs", "dev")
LOCK, OLDEST = "requirements.lock", "requirements-oldest.txt"


def locked_versions(file=LOCK):
    """name -> versions in a file of pinned ones (several where platforms or Pythons differ)."""
    found = {}
    for line in (ROOT / file).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(Version(match[2]))
    return found


def declared():
    extras = [text for extra in LOCKED_EXTRAS for text in PROJECT["optional-dependencies"][extra]]
    return [Requirement(text) for text in PROJECT["dependencies"] + extras]


@pytest.mark.parametrize("file", [LOCK, OLDEST])
@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_holds_every_declared_dependency(requirement, file):
    versions = locked_versions(file)[canonicalize_name(requirement.name)]
    assert all(version in requirement.specifier for version in versions)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_oldest_version_that_is_promised_is_the_one_that_is_tested(requirement):
    (bound,) = [Version(part.version) for part in requirement.specifier if part.operator == ">="]
    assert locked_versions(OLDEST)[canonicalize_name(requirement.name)] == {bound}


def test_requirements_lock_and_uv_lock_hold_the_same_versions():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    in_uv = {}
    for package in packages:
        if "version" in package:
            in_uv.setdefault(canonicalize_name(package["name"]), set()).add(Version(package["version"]))
    for name, versions in locked_versions().items():
        assert versions <= in_uv[name], f"{name}: run `make lock`"


@pytest.mark.parametrize("file", [LOCK, OLDEST])
def test_every_locked_file_has_a_hash_and_no_address(file):
    text = (ROOT / file).read_text()
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text)
    pinned = [block for block in blocks if re.match(r"[A-Za-z0-9._-]+==", block)]
    assert len(pinned) > 100
    assert all("--hash=sha256:" in block for block in pinned)


def test_the_lock_is_what_is_installed():
    """Which of the two is meant, `make` says; without it, requirements.lock is."""
    file = os.environ.get("CIFARLAB_LOCK", LOCK)
    for name in {canonicalize_name(requirement.name) for requirement in declared()}:
        assert Version(importlib.metadata.version(name)) in locked_versions(file)[name], f"{name}, by {file}"


@pytest.mark.parametrize(("file", "release"), [(LOCK, "2.21"), (OLDEST, "2.19")])
def test_tensorflow_is_locked_in_the_release_that_the_documents_name(file, release):
    assert {".".join(str(version).split(".")[:2]) for version in locked_versions(file)["tensorflow"]} == {release}


def test_conda_environment_is_python_pip_and_the_lock_alone():
    lines = [line for line in (ROOT / "environment.yml").read_text().splitlines() if not line.startswith("#")]
    assert lines[:5] == ["name: cifarlab", "channels:", "  - conda-forge", "dependencies:", "  - python=3.12"]
    assert lines[5:] == ["  - pip", "  - pip:", "      - -r requirements.lock"]


def test_python_versions_agree():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in (ROOT / "Makefile").read_text()
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()
    admitted = SpecifierSet(PROJECT["requires-python"])
    supported = [f"3.{minor}" for minor in range(30) if admitted.contains(f"3.{minor}")]
    gate = (ROOT / ".ci" / "run").read_text()
    assert f'supported="{" ".join(supported)}"\n' in gate
    assert f"oldest={supported[0]} " in gate
    assert f"--python-version {supported[0]} " in (ROOT / OLDEST).read_text()


def test_version_is_written_once_the_same():
    import cifarlab

    assert cifarlab.__version__ == PROJECT["version"]


def test_every_direct_dependency_is_explained():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    explained = {re.match(r' +"([a-z-]+)', line)[1] for line in lines if re.match(r' +"[a-z-]+[^"]*", # \w', line)}
    assert {canonicalize_name(requirement.name) for requirement in declared()} <= explained
