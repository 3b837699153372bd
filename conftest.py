"""What all tests share: one folder with the drawn data set, and the real pictures where there are some."""

import os
from pathlib import Path

import pytest
from filelock import FileLock


def pytest_configure(config):
    """Makes four CPU devices for the tests of the towers, in each process that runs tests; the first one is as ever."""
    only_hands_out = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if not only_hands_out:
        from cifarlab.training.placement import tower_devices

        tower_devices(4, virtual=True)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A data folder that holds the data set `drawn`, made once for all processes of a test run."""
    from cifarlab.data import datasets

    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent  # each process has a folder of its own in a common one
    folder = root / "data"
    with FileLock(f"{folder}.lock"):
        datasets.load("drawn", folder)
    return folder


@pytest.fixture(scope="session")
def drawn(data_dir):
    """The data set `drawn`."""
    from cifarlab.data import datasets

    return datasets.load("drawn", data_dir)


@pytest.fixture(scope="session")
def real_data_dir():
    """The folder of the real CIFAR-10 pictures; tests that need them are skipped where there are none."""
    folder = os.environ.get("CIFARLAB_REAL_DATA")
    if not folder:
        pytest.skip("no real pictures: CIFARLAB_REAL_DATA should name a folder that holds cifar-10-batches-bin/")
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def _no_test_touches_the_users_data(data_dir):
    """Docstring examples find the drawn data set where the tests have it, not in the user's cache folder."""
    before = os.environ.get("CIFARLAB_DATA")
    os.environ["CIFARLAB_DATA"] = str(data_dir)
    yield
    os.environ.pop("CIFARLAB_DATA") if before is None else os.environ.update(CIFARLAB_DATA=before)
