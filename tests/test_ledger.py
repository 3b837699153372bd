"""Every result that is told comes from a record, and no document tells another."""

import re

import pytest

from tools import ledger

CLAIMS = list(ledger.claims())
FIGURE = re.compile(
    r"\d[\d,.]*(?: (?:to|and|or) \d[\d,.]*)* ?(?:%|images/s|GFLOP/s|s\b|seconds|minutes|ms\b|[kMG]B|points|times as)"
)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.document}: {claim.text}")
def test_reported_result_matches_record(claim):
    assert claim.text in ledger.words(claim.document), f"benchmarks/recorded/{claim.source} says this"


@pytest.mark.parametrize("document", ledger.NO_RESULTS)
def test_no_figure_is_told_without_a_record(document):
    assert FIGURE.findall(ledger.untold(document)) == []


@pytest.mark.parametrize("document", ledger.NO_RESULTS)
def test_what_is_no_result_is_still_there(document):
    text = ledger.words(document)
    assert [known for known in ledger.NO_RESULTS[document] if known not in text] == []


def test_a_figure_that_drifts_is_found(monkeypatch, tmp_path):
    drifted = tmp_path / "README.md"
    drifted.write_text((ledger.ROOT / "README.md").read_text().replace("82.3 %", "83.2 %"))
    for record in ledger.RECORDED.iterdir():
        (tmp_path / record.name).write_text(record.read_text())
    monkeypatch.setattr(ledger, "ROOT", tmp_path)
    assert FIGURE.findall(ledger.untold("README.md"))
    (claim,) = [claim for claim in CLAIMS if claim.document == "README.md" and "82.3 %" in claim.text]
    assert claim.text not in ledger.words("README.md")
