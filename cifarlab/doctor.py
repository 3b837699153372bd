"""Report on installed packages, local datasets and devices, with advice on what is missing."""

import importlib.metadata
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

from cifarlab.errors import UserError
from cifarlab.files import as_path
from cifarlab.text import sanitize

if TYPE_CHECKING:
    from cifarlab.training.strategies.gpus import UnusedGpu

NEEDED = ("tensorflow", "tensorboard", "numpy", "matplotlib", "pillow", "pooch", "filelock", "scipy")
FOR_NOTEBOOKS = ("jupyterlab", "ipywidgets")
DATASET_BYTES = 400e6
"""Disk space for CIFAR-10's archive and its extracted files, with some reserve."""


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        topic: the component that was checked.
        found: the result.
        advice: what the user should do, or "" if nothing.
    """

    topic: str
    found: str
    advice: str = ""


def diagnose(data_dir: str | os.PathLike | None = None) -> list[Finding]:
    """Checks Python, packages, data and devices.

    Args:
        data_dir: directory of the datasets; by default `registry.default_data_dir()`.
    """
    return [_python(), *_packages(), *_data(data_dir), *_devices(), _grading()]


def format_report(findings: list[Finding]) -> str:
    """Formats the findings as text, with an arrow in front of each piece of advice.

    >>> print(format_report([Finding("GPU", "none", "not required")]))
    GPU                none
                       -> not required
    """
    lines = []
    for finding in findings:
        lines.append(f"{finding.topic:<18} {sanitize(finding.found)}")
        if finding.advice:
            lines.append(f"{'':<18} -> {sanitize(finding.advice)}")
    return "\n".join(lines)


def _python() -> Finding:
    advice = (
        ""
        if (3, 11) <= sys.version_info[:2] <= (3, 13)
        else "cifarlab is tested with Python 3.11 to 3.13: install one of them"
    )
    return Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", advice)


def _packages() -> list[Finding]:
    return [
        *(_package(name, "pip install -e . (in the cifarlab directory)") for name in NEEDED),
        *(_package(name, "needed only by the notebooks: pip install -e '.[notebooks]'") for name in FOR_NOTEBOOKS),
    ]


def _package(name: str, advice: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", advice)


def _data(data_dir: str | os.PathLike | None) -> list[Finding]:
    try:
        from cifarlab.data import registry

        data_dir = as_path(data_dir or registry.default_data_dir())
    except ImportError as error:
        return [Finding("data", f"cannot be checked: {error}", "install the missing package: pip install -e .")]
    except UserError as error:
        return [Finding("data directory", f"unknown: {error}")]
    place = next((path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists()), data_dir)
    if place.is_file():
        return [Finding("data directory", f"{place} is a file", "choose another: --data-dir, or CIFARLAB_DATA")]
    findings = [Finding("data directory", f"{data_dir}{'' if data_dir.is_dir() else ' (not created yet)'}")]
    directories = {name: registry.find_local(name, data_dir) for name in registry.SOURCES}
    if missing := [name for name, directory in directories.items() if directory is None]:
        advice = f"downloaded or generated on first use, or now: cifarlab data {missing[0]}"
        findings.append(Finding("data missing", ", ".join(missing), advice))
    for name, directory in directories.items():
        if directory is None:
            continue
        try:
            dataset = registry.load(name, data_dir)
            found = f"{dataset.num_examples('train'):,} + {dataset.num_examples('test'):,} images in {directory}"
            findings.append(Finding(f"data {name}", found))
        except ValueError as error:
            findings.append(Finding(f"data {name}", f"damaged: {error}", f"cifarlab data {name} --force"))
    free = shutil.disk_usage(place).free if place.exists() else 0  # 0 for a missing drive
    advice = "" if free > DATASET_BYTES else "free some space, or set CIFARLAB_DATA to a directory on another disk"
    return [*findings, Finding("free disk", f"{free / 1e9:.1f} GB", advice)]


def _devices() -> list[Finding]:
    try:
        from cifarlab.backend import tf
        from cifarlab.training.strategies.gpus import find_unused_gpu, this_machine
    except ImportError as error:
        return [Finding("devices", f"TensorFlow cannot be imported: {error}", "reinstall it: pip install -e .")]
    gpus = tf.config.list_physical_devices("GPU")
    cpus = f"{os.cpu_count()} processors, {len(tf.config.list_physical_devices('CPU'))} TensorFlow device"
    names = ", ".join(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus)
    return [Finding("CPU", cpus), Finding("GPU", names) if gpus else _no_gpu(find_unused_gpu(this_machine()))]


def _no_gpu(unused: "UnusedGpu | None") -> Finding:
    """Reports why TensorFlow lists no GPU."""
    if unused is None:
        return Finding("GPU", "none", "not required")
    return Finding("GPU", f"TensorFlow does not use {unused.name}: {unused.reason}", unused.advice)


def _grading() -> Finding:
    """Reports how well this system isolates students' notebooks when they are graded."""
    if sys.platform == "win32":
        return Finding("grading", "not available on Windows", "grade in WSL 2, on Linux or on macOS")
    from cifarlab.teaching.sandbox import landlock

    if version := landlock.abi_version():
        return Finding("grading", f"notebooks are isolated by Landlock (version {version}; 6 and later block signals)")
    return Finding("grading", "no Landlock: a graded notebook has your rights", "see docs/grading-security.md")
