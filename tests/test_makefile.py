"""What `make setup` does with an environment that no longer works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path):
    """A directory with the Makefile and an environment that looks complete."""
    home = tmp_path / "my course"
    (home / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, home)
    (home / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (home / ".venv" / "ready").write_text(f"{home}\n", encoding="utf-8")
    return home


def dry_run(directory, *arguments):
    """Returns the commands that `make setup` would execute, also if another make runs this test."""
    other = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV", "LOCK")
    environment = {name: value for name, value in os.environ.items() if name not in other}
    command = ["make", "--dry-run", "setup", *arguments]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def test_a_complete_environment_stays(checkout):
    assert "Nothing to be done" in dry_run(checkout)


@pytest.mark.parametrize("copied", [False, True])
def test_a_moved_or_copied_environment_is_built_again(checkout, tmp_path, copied):
    """Its programs name the old directory; a copy would even import the original (python-poetry/poetry#4654)."""
    moved = tmp_path / "moved"
    shutil.copytree(checkout, moved, symlinks=True) if copied else checkout.rename(moved)
    commands = dry_run(moved)
    assert f'echo ".venv is built again: this directory was {checkout} when it was built."' in commands
    assert "python3 -m venv --clear .venv" in commands
    assert f'echo "{moved}" > .venv/ready' in commands
    if copied:
        assert "Nothing to be done" in dry_run(checkout)


def test_an_environment_whose_python_was_removed_is_built_again(checkout):
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    commands = dry_run(checkout)
    assert commands.startswith('echo ".venv is built again: its Python no longer exists."')
    assert "-m venv --clear .venv" in commands


def test_a_new_or_an_older_environment_gets_no_message(checkout):
    """An older one did not record its directory."""
    (checkout / ".venv" / "ready").write_text("", encoding="utf-8")
    assert "Nothing to be done" in dry_run(checkout)
    assert "built again" not in dry_run(checkout, "VENV=.venvs/other")
