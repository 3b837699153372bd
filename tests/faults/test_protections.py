"""The table of README.md and the proofs of its rows are kept true."""

import ast
import json
from pathlib import Path

import pytest

from tests.faults.protections import PROTECTIONS
from tools import fault_table

ROOT = Path(__file__).parents[2]


def marked_rows():
    """(claim, how) of every test that is marked `fault`, read from the sources."""
    rows = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
                rows.add((values["claim"], values["how"]))
    return rows


def test_every_row_has_a_protection_that_can_be_taken_out():
    assert {(p.claim, p.how) for p in PROTECTIONS} == marked_rows()


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda p: p.how)
def test_a_protections_text_is_still_there(protection):
    assert (ROOT / protection.file).read_text().count(protection.text) == 1
    assert protection.text != protection.instead


def test_every_row_was_counted_and_seen_failing():
    counted = {(row["claim"], row["how"]) for name in ("short.json", "soak.json") for row in fault_table.read(name)}
    assert counted == marked_rows()
    proofs = json.loads((fault_table.RECORDED / "proofs.json").read_text())
    assert {tuple(row.split(" | ")) for row in proofs} == marked_rows()


def test_the_table_is_made_of_the_records():
    page = (fault_table.FOLDER / "README.md").read_text()
    assert fault_table.filled(page) == page
