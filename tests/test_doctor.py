import importlib.metadata
import subprocess
import sys

import numpy as np
import pytest

from cifarlab import doctor
from cifarlab.data.records import TEST_FILES, TRAIN_FILES, write_records
from cifarlab.data.sources import cifar10


def by_topic(data_dir):
    return {finding.topic: finding for finding in doctor.diagnose(data_dir)}


def test_healthy_components_get_no_advice(data_dir):
    findings = by_topic(data_dir)
    assert "10,000 + 2,000 images" in findings["data drawn"].found
    assert findings["data drawn"].advice == ""
    assert findings["tensorflow"] == doctor.Finding("tensorflow", importlib.metadata.version("tensorflow"))
    assert findings["free disk"].advice == ""


def test_missing_data_come_with_advice(tmp_path):
    findings = by_topic(tmp_path / "not" / "yet")
    assert "not created yet" in findings["data directory"].found
    assert findings["data missing"].found == "cifar10, drawn, svhn, svhn_extra, street_digits"
    assert findings["data missing"].advice.endswith("cifarlab data cifar10")
    assert not (tmp_path / "not").exists()


def test_a_file_in_place_of_the_data_directory_is_reported(tmp_path):
    (tmp_path / "file").touch()
    finding = by_topic(tmp_path / "file" / "below")["data directory"]
    assert finding == doctor.Finding(
        "data directory", f"{tmp_path}/file is a file", "choose another: --data-dir, or CIFARLAB_DATA"
    )


def test_damaged_data_are_reported(tmp_path):
    folder = tmp_path / cifar10.FOLDER
    folder.mkdir()
    for name in TRAIN_FILES + TEST_FILES:
        write_records(folder / name, np.zeros([1, 32, 32, 3], np.uint8), [3])
    (folder / "data_batch_2.bin").write_bytes(b"half")
    finding = by_topic(tmp_path)["data cifar10"]
    assert "data_batch_2.bin has 4 bytes" in finding.found
    assert finding.advice == "cifarlab data cifar10 --force"


def test_a_missing_package_is_reported(monkeypatch, tmp_path):
    def version(name):
        if name == "jupyterlab":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = by_topic(tmp_path)["jupyterlab"]
    assert (finding.found, "only by the notebooks" in finding.advice) == ("missing", True)


def test_doctor_works_without_dependencies():
    code = (
        "import sys\n"
        "for name in ('numpy', 'pooch', 'tensorflow'): sys.modules[name] = None\n"
        "from cifarlab import cli\n"
        "sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be checked" in done.stdout


def test_every_declared_dependency_is_checked():
    requires = [r for r in importlib.metadata.requires("cifarlab") if "extra ==" not in r]
    assert len(requires) == len(doctor.NEEDED)


@pytest.mark.parametrize(
    ("platform", "version", "found", "advice"),
    [
        ("linux", 7, "isolated by Landlock (version 7", ""),
        ("linux", 0, "no Landlock", "grading-security"),
        ("darwin", 0, "no Landlock", "grading-security"),
        ("win32", 0, "not available", "WSL"),
    ],
)
def test_the_isolation_of_graded_notebooks_is_reported(monkeypatch, platform, version, found, advice):
    monkeypatch.setattr("cifarlab.teaching.sandbox.landlock.abi_version", lambda: version)
    monkeypatch.setattr(sys, "platform", platform)
    finding = doctor._grading()
    assert found in finding.found
    assert advice in finding.advice
    assert bool(finding.advice) == bool(advice)
