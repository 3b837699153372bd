"""Counts the trials of tests marked `fault`, from which the table in README.md is generated.

    @pytest.mark.fault(promise="exact resume", injection="SIGKILL at a random moment")
    def test_...(count_trial):
        for ... in ...:
            ...
            count_trial()

A test that never calls `count_trial` counts as one trial for each of its parameters. At the end of a run the totals are
written to `artefacts/faults.json`, or for a long run (`make soak`) to `artefacts/faults-soak.json`.
`tools/fault_report.py` generates the table from them.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

SOAK = "CIFARLAB_SOAK"
"""The environment variable that selects the long forms of tests."""

TRIALS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether to run the long form of a test."""
    return bool(os.environ.get(SOAK))


@pytest.fixture
def count_trial(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Counts trials of a test marked `fault`: call it after each, or once with their number."""
    request.node.stash[TRIALS] = 0

    def count(times: int = 1) -> None:
        request.node.stash[TRIALS] += times

    return count


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and the counter in the process that receives all reports."""
    config.addinivalue_line("markers", "fault(promise, injection): injects a fault; counted for tests/faults/README.md")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counter(config.rootpath / "artefacts"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Adds the row and the number of trials to a test's report, which is passed between processes."""
    report = yield
    mark = item.get_closest_marker("fault")
    if mark and (report.when == "call" or not report.passed):
        trials = item.stash.get(TRIALS, 1)
        report.user_properties.append(("fault", [mark.kwargs["promise"], mark.kwargs["injection"], trials]))
    return report


class Counter:
    """Adds up the reports of all tests, in the process that receives them."""

    def __init__(self, folder: Path) -> None:
        """Starts with no rows."""
        self.folder = folder
        self.rows: dict[tuple[str, str], dict] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds a test's trials to those of its row."""
        for promise, injection, trials in (value for name, value in report.user_properties if name == "fault"):
            new = {"promise": promise, "injection": injection, "tried": 0, "lost": 0, "skipped": 0}
            row = self.rows.setdefault((promise, injection), new)
            row["tried"] += trials if report.passed or report.failed else 0
            row["lost"] += report.failed
            row["skipped"] += report.skipped

    def pytest_sessionfinish(self) -> None:
        """Writes the totals."""
        if self.rows:
            self.folder.mkdir(exist_ok=True)
            path = self.folder / ("faults-soak.json" if os.environ.get(SOAK) else "faults.json")
            path.write_text(json.dumps([self.rows[key] for key in sorted(self.rows)], indent=1) + "\n")
