"""Reports tests that use more processor time than tests of their kind should. None fails, since machines differ."""

import os

import pytest

from tests.forked_kernels import processor_time

BUDGETS_S = {"quick": 5, "slow": 60, "full": 120}
"""Seconds of processor time of one test, including the processes that it started and waited for."""

START = pytest.StashKey[float]()


def used() -> float:
    """Returns the processor time of this process, of its children that have ended and of forked kernels, in seconds."""
    return sum(os.times()[:4]) + processor_time()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Starts the clock."""
    item.stash[START] = used()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the test's kind and processor time into its last report, which also travels between processes."""
    report = yield
    if report.when == "teardown" and START in item.stash:
        kind = next((kind for kind in ("full", "slow") if item.get_closest_marker(kind)), "quick")
        kind = kind if hasattr(item, "function") else "slow"  # a notebook's cells
        report.user_properties.append(("processor time", [kind, used() - item.stash[START]]))
    return report


def pytest_terminal_summary(terminalreporter):
    """Lists the tests that are over their budget."""
    over = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "processor time" and value[1] > BUDGETS_S[value[0]]:
                    over.append((value[1], value[0], report.nodeid))
    if over:
        terminalreporter.section("over their budget of processor time")
        for seconds, kind, nodeid in sorted(over, reverse=True):
            terminalreporter.line(f"{seconds:5.0f} s, a {kind} test should use {BUDGETS_S[kind]} s: {nodeid}")
