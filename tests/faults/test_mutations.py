"""The table of README.md and the proofs of its rows are kept true."""

import ast
import json
from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS
from tools import fault_report

ROOT = Path(__file__).parents[2]


def marked_rows():
    """(promise, injection) of every test that is marked `fault`, read from the sources."""
    rows = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
                rows.add((values["promise"], values["injection"]))
    return rows


def test_every_row_has_a_mutation():
    assert {(p.promise, p.injection) for p in MUTATIONS} == marked_rows()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda p: p.injection)
def test_mutation_original_is_in_its_file_once(mutation):
    assert (ROOT / mutation.file).read_text().count(mutation.original) == 1
    assert mutation.original != mutation.mutated


def test_every_row_was_counted_and_seen_failing():
    counted = {
        (row["promise"], row["injection"]) for name in ("short.json", "soak.json") for row in fault_report.read(name)
    }
    assert counted == marked_rows()
    caught = json.loads((fault_report.RECORDED / "mutations.json").read_text())
    assert {tuple(row.split(" | ")) for row in caught} == marked_rows()


def test_the_table_is_made_of_the_records():
    page = (fault_report.FOLDER / "README.md").read_text()
    assert fault_report.filled(page) == page
