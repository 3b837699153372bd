"""The source distribution contains exactly the files in git, and can be tested and installed."""

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
"""Files in git that the source distribution may omit. There are none, because the tests read all of them."""


def held_by_git(scratch: Path) -> set[str]:
    """Returns the files in git or, without a repository, all files that git would not ignore."""
    command = ["git", "ls-files", "-z"]
    if not (ROOT / ".git").exists():  # for example in an extracted source distribution
        subprocess.run(["git", "init", "--quiet", scratch], check=True)
        command = ["git", f"--git-dir={scratch / '.git'}", f"--work-tree={ROOT}", *command[1:]]
        command += ["--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


def ignored_places() -> list[str]:
    """Returns paths that each line of .gitignore matches: at the top and, if it applies there, in a folder."""
    found = []
    for line in (ROOT / ".gitignore").read_text().split():
        name = line.strip("/").replace("*", "x")
        places = [name] if line.startswith("/") else [name, f"tests/{name}"]
        ends = ["/junk.py", "/deep/junk.py"] if line.endswith("/") else [""]
        found += [place + end for place in places for end in ends]
    return found


def built(kind: str, tree: Path) -> Path:
    """Builds the source distribution or the wheel of a tree with the installed packages, without a network."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tree / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    if shutil.which("git") is None:
        pytest.skip("git is missing, which lists the files of the source")
    return held_by_git(tmp_path_factory.mktemp("git"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, held):
    """Returns the extracted source distribution of a copy with ignored files."""
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


def test_it_contains_exactly_the_files_in_git(unpacked, held):
    added = {name for name in files(unpacked) if name.startswith("cifarlab.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert held - LEFT_OUT - files(unpacked) == set(), "a folder that MANIFEST.in should graft"
    assert files(unpacked) - held - added == set(), "what MANIFEST.in should exclude"


def test_programs_stay_executable(unpacked):
    assert all(os.access(unpacked / name, os.X_OK) for name in (".ci/run", "postBuild"))


def test_its_wheel_contains_the_package_and_its_weights(unpacked, held):
    with zipfile.ZipFile(built("wheel", unpacked)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {name for name in held if name.startswith("cifarlab/")}
    assert "cifarlab/model/weights/cifar10.npz" in packed


@pytest.mark.full
@pytest.mark.slow
def test_its_tests_run(unpacked):
    """Runs the tests that read files next to the package, and one of the package, without using this tree."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    tests = ["tests/test_repository_files.py", "tests/test_reported_results.py", "tests/test_config.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-o", "addopts=--import-mode=importlib", *tests]
    done = subprocess.run(command, cwd=unpacked, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    code = "import cifarlab; print(cifarlab.__file__)"
    where = subprocess.run([sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True, check=True)
    assert Path(where.stdout.strip()).is_relative_to(unpacked)
