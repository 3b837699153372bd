"""The files that describe the environment say the same."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED_EXTRAS = ("notebooks", "grading", "cluster", "docs", "dev")


def locked_versions():
    """name -> versions in requirements.lock (several where platforms or Pythons differ)."""
    found = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(Version(match[2]))
    return found


def declared():
    extras = [text for extra in LOCKED_EXTRAS for text in PROJECT["optional-dependencies"][extra]]
    return [Requirement(text) for text in PROJECT["dependencies"] + extras]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_holds_every_declared_dependency(requirement):
    versions = locked_versions()[canonicalize_name(requirement.name)]
    assert all(version in requirement.specifier for version in versions)


def test_requirements_lock_and_uv_lock_hold_the_same_versions():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    in_uv = {}
    for package in packages:
        if "version" in package:
            in_uv.setdefault(canonicalize_name(package["name"]), set()).add(Version(package["version"]))
    for name, versions in locked_versions().items():
        assert versions <= in_uv[name], f"{name}: run `make lock`"


def test_every_locked_file_has_a_hash():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=\S)", text)
    pinned = [block for block in blocks if re.match(r"[A-Za-z0-9._-]+==", block)]
    assert len(pinned) > 100
    assert all("--hash=sha256:" in block for block in pinned)


def test_the_lock_is_what_is_installed():
    import tensorflow as tf

    assert Version(tf.__version__) in locked_versions()["tensorflow"]
    assert (Version(tf.__version__).major, Version(tf.__version__).minor) == (2, 21)


def test_conda_environment_is_python_pip_and_the_lock_alone():
    lines = [line for line in (ROOT / "environment.yml").read_text().splitlines() if not line.startswith("#")]
    assert lines[:5] == ["name: cifarlab", "channels:", "  - conda-forge", "dependencies:", "  - python=3.12"]
    assert lines[5:] == ["  - pip", "  - pip:", "      - -r requirements.lock"]


def test_python_versions_agree():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in (ROOT / "Makefile").read_text()
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()


def test_version_is_written_once_the_same():
    import cifarlab

    assert cifarlab.__version__ == PROJECT["version"]


def test_every_direct_dependency_is_explained():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    names = {canonicalize_name(requirement.name) for requirement in declared()}
    explained = {canonicalize_name(name) for name in re.findall(r"^- `([a-z-]+)`:", text, re.MULTILINE)}
    assert names <= explained
