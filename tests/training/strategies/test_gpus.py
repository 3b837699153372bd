"""Why TensorFlow does not use a GPU, on made-up machines."""

import sys

import pytest

from cifarlab import doctor
from cifarlab.config import TrainConfig
from cifarlab.training.strategies import gpus
from cifarlab.training.strategies.gpus import (
    INSTALL,
    LIBRARIES,
    Probes,
    find_unused_gpu,
    training_line,
    unused_gpu_line,
)

CUDA = {"is_cuda_build": True, "cuda_version": "12.5.1"}
NODES = {"/dev/nvidia[0-9]*"}
ALL = {"libcuda.so.1", *LIBRARIES["12"]}


def machine(
    system="Linux",
    files=NODES,
    vendors=(),
    libraries=ALL,
    build=CUDA,
    driver=12080,
    processor="x86_64",
    **environment,
):
    return Probes(
        system=system,
        machine=processor,
        environment=environment,
        built_for=build,
        exists=lambda pattern: pattern in files,
        pci_vendors=lambda: set(vendors),
        loads=lambda name: name in libraries,
        driver_version=lambda: driver,
    )


@pytest.mark.parametrize(
    ("probes", "found", "advice"),
    [
        # tensorflow/tensorflow#66987: TensorFlow does not say which libraries are missing
        (machine(libraries=ALL - {"libcudnn.so.9"}), "TensorFlow misses libcudnn.so.9", INSTALL),
        (
            machine(libraries=ALL - {"libcublas.so.12", "libcudnn.so.9"}),
            "TensorFlow misses libcublas.so.12, libcudnn.so.9",
            INSTALL,
        ),
        (machine(libraries={"libcuda.so.1"}), ", ".join(LIBRARIES["12"]), INSTALL),
        (
            machine(build={"is_cuda_build": False}),
            "was built without CUDA",
            f"pip uninstall tensorflow-cpu, then {INSTALL}",
        ),
        (machine(libraries=set()), "driver is missing (libcuda.so.1 cannot be loaded)", "Install the driver"),
        (machine(files=(), vendors={"0x10de"}, libraries=set()), "driver is missing", "Install the driver"),
        (machine(files={"/proc/driver/nvidia/version"}, libraries=set()), "driver is missing", "--gpus all"),
        (machine(files=(), vendors={"0x10de", "0x8086"}), "no /dev/nvidia0", "sudo modprobe nvidia"),
        (machine(driver=11040), "supports CUDA 11.4, but TensorFlow needs 12.5.1", "Update the NVIDIA driver"),
        (machine(driver=11040, libraries={"libcuda.so.1"}), "supports CUDA 11.4", "Update the NVIDIA driver"),
        (machine(driver=0), "TensorFlow does not list it, although driver and", "TF_CPP_MIN_LOG_LEVEL=0 python -c"),
        (machine(CUDA_VISIBLE_DEVICES="7"), "does not list it with CUDA_VISIBLE_DEVICES=7", "nvidia-smi"),
        (machine(build={**CUDA, "cuda_version": "13.0"}, driver=13000), "does not list it, although", "python -c"),
        (machine(files={"/dev/dxg"}, libraries={"libcuda.so.1"}), "TensorFlow misses", INSTALL),  # WSL 2
        (
            machine("Windows", files={r"C:\Windows\System32\nvcuda.dll"}),
            "TensorFlow 2.11 and later cannot use one on Windows itself",
            "WSL 2",
        ),
    ],
)
def test_an_nvidia_gpu_that_could_be_used(probes, found, advice):
    unused = find_unused_gpu(probes)
    assert unused.name == "an NVIDIA GPU"
    assert found in unused.reason
    assert advice in unused.advice
    line = training_line(unused)
    assert line == f"Training on the CPU, although this machine has an NVIDIA GPU: {unused.reason}. {unused.advice}."
    assert "\n" not in line


@pytest.mark.parametrize(
    ("probes", "name", "found"),
    [
        (machine(CUDA_VISIBLE_DEVICES=""), "an NVIDIA GPU", "CUDA_VISIBLE_DEVICES= hides it"),
        (machine(CUDA_VISIBLE_DEVICES="-1"), "an NVIDIA GPU", "CUDA_VISIBLE_DEVICES=-1 hides it"),
        (machine(files={"/dev/kfd"}), "an AMD GPU", "the tensorflow package has no support for it"),
        (machine(files=(), vendors={"0x1002"}), "an AMD GPU", "the tensorflow package has no support for it"),
        (
            machine("Darwin", files=(), processor="arm64"),
            "an Apple GPU",
            "the tensorflow package has no support for it",
        ),
    ],
)
def test_a_gpu_that_is_hidden_or_not_supported_is_only_in_the_report(probes, name, found):
    unused = find_unused_gpu(probes)
    assert (unused.name, unused.reason) == (name, found)
    assert training_line(unused) == ""


@pytest.mark.parametrize(
    "probes",
    [
        machine(files=()),
        machine(files=(), vendors={"0x8086"}),
        machine(files={"/dev/dxg"}, libraries=set()),  # WSL 2 with another GPU
        machine("Darwin", files=(), processor="x86_64"),
        machine("Windows", files=()),
    ],
)
def test_no_gpu(probes):
    assert find_unused_gpu(probes) is None


def test_train_and_doctor_say_it(monkeypatch):
    monkeypatch.setattr(gpus, "this_machine", lambda: machine(libraries=ALL - {"libcudnn.so.9"}))
    monkeypatch.setattr(gpus.tf.config, "list_physical_devices", lambda kind: [])
    assert unused_gpu_line(TrainConfig()) == (
        "Training on the CPU, although this machine has an NVIDIA GPU: TensorFlow misses libcudnn.so.9. Install what "
        'is missing: pip install "cifarlab[cuda]".'
    )
    finding = doctor._devices()[1]
    assert finding.found == "TensorFlow does not use an NVIDIA GPU: TensorFlow misses libcudnn.so.9"
    assert finding.advice == f"Install what is missing: {INSTALL}"
    monkeypatch.setattr(gpus, "this_machine", lambda: machine(files=()))
    assert unused_gpu_line(TrainConfig()) == ""
    assert doctor._devices()[1] == doctor.Finding("GPU", "none", "not required")


def test_nothing_is_said_about_a_gpu_that_tensorflow_uses(monkeypatch):
    monkeypatch.setattr(gpus, "this_machine", lambda: 1 / 0)
    monkeypatch.setattr(gpus.tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    assert unused_gpu_line(TrainConfig()) == ""


def test_the_probes_of_this_machine_work():
    probes = gpus.this_machine()
    assert isinstance(probes.built_for["is_cuda_build"], bool)
    assert not probes.loads("libno-such-library.so.1")
    assert probes.loads("libc.so.6") == (sys.platform == "linux")
    assert probes.exists("/dev/nul[l]")
    assert all(vendor.startswith("0x") for vendor in probes.pci_vendors())
    assert probes.driver_version() >= 0


def test_libraries_of_python_packages_count(monkeypatch, tmp_path):
    (tmp_path / "nvidia" / "cudnn" / "lib").mkdir(parents=True)
    (tmp_path / "nvidia" / "cudnn" / "lib" / "libmade-up.so.9").touch()
    assert not gpus._loads("libmade-up.so.9")
    monkeypatch.setattr(gpus.sysconfig, "get_path", lambda kind: str(tmp_path))
    assert gpus._loads("libmade-up.so.9")
