"""Mutation tests: removes each protection from a copy of the checkout and checks that its tests fail.

`make mutation-tests` runs all of them. A row whose tests fail without the protection is written to
tests/faults/recorded/mutations.json, from which `tools/fault_report.py` makes the table's last column.
`python -m tools.mutation_test WORDS` tests only the rows that contain these words.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "faults" / "recorded" / "mutations.json"


def apply(mutation: Mutation, tree: Path) -> None:
    """Removes a protection from a copy of the checkout."""
    path = tree / mutation.file
    text = path.read_text()
    if text.count(mutation.original) != 1:
        raise ValueError(f"{mutation.file} must contain this text exactly once: {mutation.original!r}")
    path.write_text(text.replace(mutation.original, mutation.mutated))


def run_row(mutation: Mutation, tree: Path) -> tuple[bool, str]:
    """Runs the tests of a protection's row; returns whether they failed, and the line that says so."""
    where = f'fault(promise="{mutation.promise}", injection="{mutation.injection}")'
    command = [sys.executable, "-m", "pytest", "-qx", "--tb=native", "-m", where]
    command += ["-o", "addopts=--import-mode=importlib"]
    command += [str(path) for path in (tree / "tests").rglob("test_*.py") if mutation.injection in path.read_text()]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=1200)
    words = [line for line in done.stdout.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))]
    return done.returncode == 1 and words[0].startswith("FAILED"), (words or [done.stdout[-500:] + done.stderr[-500:]])[
        0
    ]


def main() -> int:
    """Tests the selected rows, or all of them; returns the number of rows whose tests did not fail."""
    wanted, unproved = " ".join(sys.argv[1:]), 0
    caught = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for mutation in MUTATIONS:
        row = f"{mutation.promise} | {mutation.injection}"
        if wanted not in row:
            continue
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "checkout"
            for name in filter(lambda name: (ROOT / name).is_file(), files.stdout.splitlines()):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
            apply(mutation, tree)
            failed, last = run_row(mutation, tree)
        print(
            f"{'failed as expected' if failed else 'NOT PROVED'}: {row}: without {mutation.removes}: {last}",
            flush=True,
        )
        unproved += not failed
        if failed:
            caught[row] = mutation.removes
            RECORD.parent.mkdir(exist_ok=True)
            RECORD.write_text(json.dumps(dict(sorted(caught.items())), indent=1) + "\n")
    return unproved


if __name__ == "__main__":
    sys.exit(main())
