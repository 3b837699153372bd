"""Every result in a document matches a record, and documents contain no other results."""

import re

import pytest

from tools import reported_results

CLAIMS = list(reported_results.claims())
FIGURE = re.compile(
    r"\d[\d,.]*(?: (?:to|and|or) \d[\d,.]*)* ?(?:%|images/s|GFLOP/s|s\b|seconds|minutes|ms\b|[kMG]B|points|times as)"
)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.document}: {claim.text}")
def test_reported_result_matches_record(claim):
    assert claim.text in reported_results.words(claim.document), f"benchmarks/results/{claim.source} requires this text"


@pytest.mark.parametrize("document", reported_results.NO_RESULTS)
def test_documents_have_no_other_figures(document):
    assert FIGURE.findall(reported_results.untold(document)) == []


@pytest.mark.parametrize("document", reported_results.NO_RESULTS)
def test_other_known_figures_are_still_there(document):
    text = reported_results.words(document)
    assert [known for known in reported_results.NO_RESULTS[document] if known not in text] == []


def test_a_changed_figure_is_found(monkeypatch, tmp_path):
    drifted = tmp_path / "README.md"
    drifted.write_text((reported_results.ROOT / "README.md").read_text().replace("82.3 %", "83.2 %"))
    for record in reported_results.RECORDED.iterdir():
        (tmp_path / record.name).write_text(record.read_text())
    monkeypatch.setattr(reported_results, "ROOT", tmp_path)
    assert FIGURE.findall(reported_results.untold("README.md"))
    (claim,) = [claim for claim in CLAIMS if claim.document == "README.md" and "82.3 %" in claim.text]
    assert claim.text not in reported_results.words("README.md")
