"""Counts what the tests marked `fault` tried to break, so that the table in README.md is filled from a run.

    @pytest.mark.fault(promise="exact resume", injection="SIGKILL at a random moment")
    def test_...(count_trial):
        for ... in ...:
            ...
            count_trial()

A test that never calls `count_trial` counts as one trial for each of its parameters. At the end of a run the sums are
written to `artefacts/faults.json`, those of a long run (`make soak`) to `artefacts/faults-soak.json`;
`tools/fault_report.py` makes the table of them.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

SOAK = "CIFARLAB_SOAK"
"""The environment variable that asks for the long forms."""

TRIALS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long form of a test is wanted."""
    return bool(os.environ.get(SOAK))


@pytest.fixture
def count_trial(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Counts trials of a test marked `fault`: call it after each, or once with their number."""
    request.node.stash[TRIALS] = 0

    def count(times: int = 1) -> None:
        request.node.stash[TRIALS] += times

    return count


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and the counter where all reports arrive."""
    config.addinivalue_line(
        "markers", "fault(promise, injection): breaks something on purpose; counted for tests/faults/README.md"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counter(config.rootpath / "artefacts"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Puts the promise and the number of trials into a test's report, which also travels between processes."""
    report = yield
    mark = item.get_closest_marker("fault")
    if mark and (report.when == "call" or not report.passed):
        trials = item.stash.get(TRIALS, 1)
        report.user_properties.append(("fault", [mark.kwargs["promise"], mark.kwargs["injection"], trials]))
    return report


class Counter:
    """Adds up the reports of all tests, in the one process that hears of all of them."""

    def __init__(self, folder: Path) -> None:
        """Has counted nothing yet."""
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
        """Writes the sums."""
        if self.rows:
            self.folder.mkdir(exist_ok=True)
            path = self.folder / ("faults-soak.json" if os.environ.get(SOAK) else "faults.json")
            path.write_text(json.dumps([self.rows[key] for key in sorted(self.rows)], indent=1) + "\n")
