"""Shared fixtures: one directory with the drawn dataset, the real images if there are any, and a browser."""

import os
import shutil
import tempfile
from pathlib import Path

import nbval.kernel
import pytest
from jupyter_client.provisioning import local_provisioner

from tests.forked_kernels import ForkedKernel

pytest_plugins = ["tests.faults.trial_counter", "tests.budgets"]


def pytest_configure(config):
    """Prepares the process that was called, and each process that runs tests for it."""
    if not hasattr(config, "workerinput"):
        # Docstring examples and notebooks find the drawn images here, not in the user's cache directory; processes that
        # run tests, and the notebooks' kernels, inherit it.
        folder = tempfile.mkdtemp(prefix="cifarlab-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        os.environ["CIFARLAB_DATA"] = folder
        os.environ.pop("CIFARLAB_DATASET", None)
        if getattr(config.option, "numprocesses", None):
            return  # it only distributes the tests
    from cifarlab.training.strategies.placement import tower_devices

    tower_devices(4, virtual=True)  # for the tests of the towers; the first CPU is unchanged


LONG = (
    "tests/test_notebooks.py",
    "tests/teaching/grading/test_assignments.py",
    "tests/teaching/grading/test_honest_class.py",
    "tests/teaching/checks/test_checks.py",
    "tests/training/strategies/test_distributed.py",
    "tests/faults/test_grading.py",
    "tests/browser/",
    "tests/monitoring/test_dashboard.py",
    "tests/faults/test_soak.py",
    "solutions/",
    "notebooks/",
    "tests/faults/test_resume.py",
    "tests/training/test_loop.py",
    "tests/test_site.py",
    "tests/test_real_images.py",
    "tests/training/test_drawn_learns.py",
    "tests/training/strategies/test_towers.py",
)
"""Files that take a minute or more, the longest first."""


COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All collected tests, before -m deselects any; tests/test_full_tests.py compares them with its list."""


@pytest.hookimpl(tryfirst=True)  # before -m deselects any
def pytest_collection_modifyitems(config, items):
    """Puts the long files first, so that no process waits long for another, and marks the cells of notebooks."""
    config.stash[COLLECTED] = list(items)
    for item in items:
        if item.nodeid.startswith(("notebooks/", "solutions/")):
            item.add_marker("notebook")

    def place(item):
        return next((place for place, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))

    items.sort(key=place)


def _execute_as_jupyter_does(kernel, source, allow_stdin=None):
    """Like nbval's method, but with history: without it, a trailing semicolon would print what it should hide."""
    return kernel.kc.execute(source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


nbval.kernel.RunningKernel.execute_cell_input = _execute_as_jupyter_does
if os.environ.get("CIFARLAB_FORKED_KERNELS"):
    local_provisioner.launch_kernel = ForkedKernel


@pytest.fixture(scope="session")
def collected(pytestconfig):
    """All tests that were collected, also those that -m deselected."""
    return pytestconfig.stash[COLLECTED]


@pytest.fixture(scope="session")
def data_dir():
    """A data directory that contains the dataset `drawn`, made once for all processes of a test run."""
    from cifarlab.data import registry

    registry.load("drawn")
    return registry.default_data_dir()


@pytest.fixture(scope="session")
def drawn(data_dir):
    """The dataset `drawn`."""
    from cifarlab.data import registry

    return registry.load("drawn", data_dir)


@pytest.fixture(scope="session")
def real_data_dir():
    """The directory of the real CIFAR-10 images; tests that need them are skipped otherwise."""
    folder = os.environ.get("CIFARLAB_REAL_DATA")
    if not folder:
        pytest.skip("no real images: CIFARLAB_REAL_DATA must name a directory that contains cifar-10-batches-bin/")
    return Path(folder)


@pytest.fixture(scope="module")
def browser():
    """A real Chromium; tests that need one are skipped otherwise."""
    from playwright.sync_api import sync_playwright

    from tools.browser import ARGUMENTS, chromium

    place = chromium()
    if place is None:
        pytest.skip("no Chromium: install the system's, or run `playwright install chromium`, or set CIFARLAB_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=list(ARGUMENTS))
        yield browser
        browser.close()
