"""Why TensorFlow does not use a GPU that this machine has, and what to do about it."""

import ctypes
import glob
import os
import platform
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cifarlab.backend import tf
from cifarlab.config import TrainConfig

INSTALL = 'pip install "cifarlab[cuda]"'
"""The command that installs NVIDIA's libraries for the installed TensorFlow."""

SHOW_LOG = 'TF_CPP_MIN_LOG_LEVEL=0 python -c "import tensorflow; tensorflow.config.list_physical_devices()"'
"""The command with which TensorFlow says what it looks for."""

DRIVER_LIBRARY = "libcuda.so.1"

LIBRARIES = {
    "12": (
        *("libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11"),
        *("libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9"),
    )
}
"""What TensorFlow loads for an NVIDIA GPU besides the driver, by the version of CUDA that it was built with."""

_NVIDIA, _AMD = "0x10de", "0x1002"  # PCI vendors


class UnusedGpu(NamedTuple):
    """A GPU that TensorFlow does not use.

    Attributes:
        name: the GPU, in words.
        reason: why TensorFlow does not use it.
        advice: what to do.
        fixable: whether the advice makes TensorFlow use it on this system; false also if the user hid the GPU.
    """

    name: str
    reason: str
    advice: str
    fixable: bool = True


class Probes(NamedTuple):
    """What is known about this machine; the functions can be replaced.

    Attributes:
        system: "Linux", "Darwin" or "Windows".
        machine: the processor, such as "x86_64" or "arm64".
        environment: the environment variables.
        built_for: what TensorFlow was built for, as from `tf.sysconfig.get_build_info`.
        exists: whether files match a path with wildcards.
        pci_vendors: the vendors of the graphics devices on the PCI bus, such as "0x10de".
        loads: whether the system finds a shared library.
        driver_version: the CUDA version that the driver supports, such as 12040 for 12.4; 0 if unknown.
    """

    system: str
    machine: str
    environment: Mapping[str, str]
    built_for: Mapping[str, Any]
    exists: Callable[[str], bool]
    pci_vendors: Callable[[], set[str]]
    loads: Callable[[str], bool]
    driver_version: Callable[[], int]


def this_machine() -> Probes:
    """Returns the probes of this machine."""
    return Probes(
        system=platform.system(),
        machine=platform.machine(),
        environment=os.environ,
        built_for=tf.sysconfig.get_build_info(),
        exists=lambda pattern: bool(glob.glob(pattern)),
        pci_vendors=_pci_vendors,
        loads=_loads,
        driver_version=_driver_version,
    )


def unused_gpu_line(config: TrainConfig) -> str:
    """Returns a line for a run that trains on the CPU although TensorFlow could use a GPU, or ""."""
    if config.virtual_devices or tf.config.list_physical_devices("GPU"):
        return ""
    found = find_unused_gpu(this_machine())
    return training_line(found) if found is not None else ""


def training_line(found: UnusedGpu) -> str:
    """Returns the line for a GPU that the user could make TensorFlow use, or "".

    >>> training_line(UnusedGpu("an NVIDIA GPU", "the driver is too old", "Update it"))
    'Training on the CPU, although this machine has an NVIDIA GPU: the driver is too old. Update it.'
    """
    if not found.fixable:
        return ""
    return f"Training on the CPU, although this machine has {found.name}: {found.reason}. {found.advice}."


def find_unused_gpu(probes: Probes) -> UnusedGpu | None:
    """Looks for a GPU on a machine on which TensorFlow lists none."""
    if probes.system == "Darwin":
        return _apple(probes)
    if probes.system == "Windows":
        return _windows(probes)
    wsl = probes.exists("/dev/dxg")
    vendors = probes.pci_vendors()
    nodes = probes.exists("/dev/nvidia[0-9]*") or probes.exists("/proc/driver/nvidia/version")
    if nodes or _NVIDIA in vendors or (wsl and probes.loads(DRIVER_LIBRARY)):
        return _nvidia(probes, has_driver=nodes or wsl)
    if _AMD in vendors or probes.exists("/dev/kfd"):
        return UnusedGpu(
            "an AMD GPU",
            "the tensorflow package has no support for it",
            "AMD publishes tensorflow-rocm for some GPUs; cifarlab was not tested with it",
            fixable=False,
        )
    return None


def _apple(probes: Probes) -> UnusedGpu | None:
    if probes.machine != "arm64":
        return None
    reason = "the tensorflow package has no support for it"
    advice = "Apple's plug-in tensorflow-metal may add it; cifarlab was not tested with it"
    return UnusedGpu("an Apple GPU", reason, advice, fixable=False)


def _windows(probes: Probes) -> UnusedGpu | None:
    if not probes.exists(probes.environment.get("SYSTEMROOT", r"C:\Windows") + r"\System32\nvcuda.dll"):
        return None
    return UnusedGpu(
        "an NVIDIA GPU",
        "TensorFlow 2.11 and later cannot use one on Windows itself",
        f"Install cifarlab in WSL 2, and there: {INSTALL}",
    )


def _nvidia(probes: Probes, has_driver: bool) -> UnusedGpu:
    """Names the first thing that keeps TensorFlow from using an NVIDIA GPU, in the order in which it is needed."""
    visible = probes.environment.get("CUDA_VISIBLE_DEVICES")
    needed = str(probes.built_for.get("cuda_version", "0"))
    major = needed.partition(".")[0]
    missing = [name for name in LIBRARIES.get(major, ()) if not probes.loads(name)]
    fixable = True
    if visible is not None and visible.strip() in ("", "-1", "none", "NoDevFiles"):
        reason, advice = f"CUDA_VISIBLE_DEVICES={visible} hides it", "unset CUDA_VISIBLE_DEVICES to use it"
        fixable = False
    elif not probes.built_for.get("is_cuda_build"):
        reason = "the installed TensorFlow was built without CUDA"
        advice = f"Replace it: pip uninstall tensorflow-cpu, then {INSTALL}"
    elif not probes.loads(DRIVER_LIBRARY):
        reason = f"the NVIDIA driver is missing ({DRIVER_LIBRARY} cannot be loaded)"
        advice = "Install the driver with your system's package manager; in a container, start it with --gpus all"
    elif not has_driver:
        reason = "the kernel module of the NVIDIA driver is not loaded (there is no /dev/nvidia0)"
        advice = "Load it: sudo modprobe nvidia; in a container, start it with --gpus all"
    elif 0 < (version := probes.driver_version()) < 1000 * int(major):
        reason = f"its driver supports CUDA {version // 1000}.{version % 1000 // 10}, but TensorFlow needs {needed}"
        advice = "Update the NVIDIA driver"
    elif missing:
        reason, advice = f"TensorFlow misses {', '.join(missing)}", f"Install what is missing: {INSTALL}"
    elif visible is not None:
        reason = f"TensorFlow does not list it with CUDA_VISIBLE_DEVICES={visible}"
        advice = "Unset CUDA_VISIBLE_DEVICES, or write the numbers that nvidia-smi shows"
    else:
        reason = "TensorFlow does not list it, although driver and libraries are installed"
        advice = f"See why: {SHOW_LOG}"
    return UnusedGpu("an NVIDIA GPU", reason, advice, fixable)


def _pci_vendors() -> set[str]:
    """Returns the vendors of the display controllers (PCI class 3) that Linux lists."""
    found = set()
    for device in glob.glob("/sys/bus/pci/devices/*"):
        try:
            if Path(device, "class").read_text(encoding="ascii").startswith("0x03"):
                found.add(Path(device, "vendor").read_text(encoding="ascii").strip())
        except OSError:
            continue
    return found


def _loads(library: str) -> bool:
    """Returns whether a library is installed: for the system, or as a Python package, as TensorFlow allows."""
    packages = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    if any(glob.glob(f"{glob.escape(place)}/nvidia/*/lib/{library}") for place in packages):
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _driver_version() -> int:
    """Returns the CUDA version that the driver supports, such as 12040, or 0."""
    version = ctypes.c_int(0)
    try:
        ctypes.CDLL(DRIVER_LIBRARY).cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return 0
    return version.value
