"""The source distribution holds what git does and nothing else, and can be tested and installed."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
LEFT_OUT = frozenset()
"""What git holds and the source distribution need not; nothing yet, as the tests read even the workflows."""


def held_by_git(scratch: Path) -> set[str]:
    """What git holds; without a repository, all files that it would not ignore."""
    command = ["git", "ls-files", "-z"]
    if not (ROOT / ".git").exists():  # such as an unpacked source distribution
        subprocess.run(["git", "init", "--quiet", scratch], check=True)
        command = ["git", f"--git-dir={scratch / '.git'}", f"--work-tree={ROOT}", *command[1:]]
        command += ["--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


def ignored_places() -> list[str]:
    """Files that .gitignore keeps out, for each of its lines: at the top, and in a folder if the line counts there."""
    found = []
    for line in (ROOT / ".gitignore").read_text().split():
        name = line.strip("/").replace("*", "x")
        places = [name] if line.startswith("/") else [name, f"tests/{name}"]
        ends = ["/junk.py", "/deep/junk.py"] if line.endswith("/") else [""]
        found += [place + end for place in places for end in ends]
    return found


def built(kind: str, tree: Path) -> Path:
    """The source distribution or the wheel of a tree, built without a network by what is installed."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tree / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    if shutil.which("git") is None:
        pytest.skip("no git: it says which files belong to the source")
    return held_by_git(tmp_path_factory.mktemp("git"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, held):
    """The source distribution of a copy in which people have worked, unpacked."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("out")
    for name in held:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    for name in ignored_places():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    with tarfile.open(built("sdist", tree)) as file:
        file.extractall(out, filter="data")
    return out / f"cifarlab-{VERSION}"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_what_git_does_and_nothing_else(unpacked, held):
    added = {name for name in files(unpacked) if name.startswith("cifarlab.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert held - LEFT_OUT - files(unpacked) == set(), "a folder that MANIFEST.in should graft"
    assert files(unpacked) - held - added == set(), "what MANIFEST.in should exclude"


def test_a_program_stays_one(unpacked):
    assert all(os.access(unpacked / name, os.X_OK) for name in (".ci/run", "postBuild"))


def test_its_wheel_holds_the_package_with_its_weights(unpacked, held):
    with zipfile.ZipFile(built("wheel", unpacked)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {name for name in held if name.startswith("cifarlab/")}
    assert "cifarlab/model/weights/cifar10.npz" in packed


@pytest.mark.slow
def test_its_tests_run(unpacked):
    """Those that read the files beside the package, and one of the package; nothing of this tree."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    tests = ["tests/test_repository_files.py", "tests/test_reported_results.py", "tests/test_config.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-o", "addopts=--import-mode=importlib", *tests]
    done = subprocess.run(command, cwd=unpacked, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    code = "import cifarlab; print(cifarlab.__file__)"
    where = subprocess.run([sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True, check=True)
    assert Path(where.stdout.strip()).is_relative_to(unpacked)
