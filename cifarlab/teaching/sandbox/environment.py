"""A notebook's environment: a scratch directory, a few environment variables, and read-only datasets."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib.font_manager  # builds the font cache, which takes seconds, so that notebooks need not

from cifarlab.data import registry
from cifarlab.errors import UserError
from cifarlab.files import as_path
from cifarlab.teaching.sandbox import supervisor

_PASSED_ON = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_", "TZ", "OMP_"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE"),  # not, for example, PYTHONOPTIMIZE: it would skip all `assert`s
    *("CIFARLAB_", "TF_", "XLA_", "CUDA_", "NVIDIA_"),
)
"""Prefixes of the environment variables that a notebook gets; others may hold secrets."""


@contextlib.contextmanager
def scratch_dir() -> Iterator[Path]:
    """Creates a directory for one notebook's files and removes it afterwards; cells run in its subdirectory `work`."""
    folder = Path(tempfile.mkdtemp()).resolve()
    try:
        for name in ("work", "home", "tmp"):
            (folder / name).mkdir()
        yield folder
    finally:
        supervisor.remove_tree(folder)


def environment_variables(folder: Path) -> dict[str, str]:
    """Returns the environment variables of a notebook with this scratch directory."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    own = {"HOME": folder / "home", "TMPDIR": folder / "tmp", "MPLCONFIGDIR": matplotlib.get_cachedir()}
    own["PYTHONUTF8"] = "1"  # texts that a notebook reads and writes are UTF-8, whatever the grader's locale
    own["CIFARLAB_DATA"] = registry.default_data_dir().resolve()
    return kept | {name: str(value) for name, value in own.items()}


def readable_paths(text: str) -> list[str]:
    """Returns the directories, besides Python's, that a notebook may read: datasets and fonts.

    Args:
        text: the notebook's file content. Generated datasets that it mentions are created first.
    """
    wanted = os.environ.get("CIFARLAB_DATASET", "")
    for name in ("drawn", "street_digits", wanted):
        with contextlib.suppress(UserError):  # the notebook will show the same error
            if name and (name in text or name == wanted):
                registry.load(name)
    folders = [registry.default_data_dir(), Path(matplotlib.get_cachedir())]
    if wanted and as_path(wanted).is_dir():  # a custom dataset
        folders.append(as_path(wanted))
    return [str(folder.resolve()) for folder in folders]
