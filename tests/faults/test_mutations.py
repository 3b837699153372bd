"""Tests that the tables of README.md and RESULTS.md agree with the tests, the mutations and the records."""

import ast
import functools
import json
from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS
from tests.sources import nodes
from tools import fault_report

ROOT = Path(__file__).parents[2]


@functools.cache
def marked_rows():
    """Returns (promise, injection) of every test marked `fault`, read from the sources."""
    rows = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "pytest.mark.fault" not in path.read_text():
            continue
        for node in nodes(path):
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


@pytest.mark.parametrize("name", fault_report.TABLES)
def test_the_tables_are_made_from_the_records(name):
    assert fault_report.filled(name) == (fault_report.FOLDER / name).read_text()


def test_every_promise_is_stated():
    assert set(fault_report.PROMISES) == {promise for promise, _ in marked_rows()}
