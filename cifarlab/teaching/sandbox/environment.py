"""What a notebook finds around it: a folder of its own, few environment variables, data sets that it can only read."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib.font_manager  # its first import looks for fonts, which takes seconds; notebooks find the list

from cifarlab.data import registry
from cifarlab.errors import UserError
from cifarlab.teaching.sandbox import supervisor

_PASSED_ON = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_", "TZ", "PYTHON", "OMP_"),
    *("CIFARLAB_", "TF_", "XLA_", "CUDA_", "NVIDIA_"),
)
"""How names of environment variables begin that a notebook needs; others may hold what is not a student's to know."""


@contextlib.contextmanager
def scratch_dir() -> Iterator[Path]:
    """A folder for one notebook's files, which is gone afterwards; its cells run in `work`."""
    folder = Path(tempfile.mkdtemp()).resolve()
    try:
        for name in ("work", "home", "tmp"):
            (folder / name).mkdir()
        yield folder
    finally:
        supervisor.remove_tree(folder)


def environment_variables(folder: Path) -> dict[str, str]:
    """The environment variables of a notebook with this folder."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    own = {"HOME": folder / "home", "TMPDIR": folder / "tmp", "MPLCONFIGDIR": matplotlib.get_cachedir()}
    own["CIFARLAB_DATA"] = registry.default_data_dir().resolve()
    return kept | {name: str(value) for name, value in own.items()}


def readable_paths(text: str) -> list[str]:
    """Folders beside Python's own that a notebook may read: of the data sets, which are made first, and of the fonts.

    Args:
        text: the notebook's file; of the data sets that cost no download, those that it names are made.
    """
    wanted = os.environ.get("CIFARLAB_DATASET", "")
    for name in ("drawn", "street_digits", wanted):
        with contextlib.suppress(UserError):  # the notebook will say so itself
            if name and (name in text or name == wanted):
                registry.load(name)
    folders = [registry.default_data_dir(), Path(matplotlib.get_cachedir())]
    if wanted and Path(wanted).is_dir():  # a data set of one's own
        folders.append(Path(wanted))
    return [str(folder.resolve()) for folder in folders]
