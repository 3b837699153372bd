"""Has atheris change files for a reader: `python -m tests.faults.fuzz_atheris READER FOLDER`, then libFuzzer's flags.

atheris sees which bytes lead where. The folder holds files to begin with and takes in those that lead somewhere new. A
file that makes the reader raise anything but a `UserError`, or take longer or more memory than the flags allow, ends
the program and is kept.
"""

import sys
import tempfile
from pathlib import Path

SEEN = [
    "cifarlab.data",
    "cifarlab.training.run_log",
    "cifarlab.config",
    "cifarlab.plotting.runs",
    "PIL",
    "tarfile",
    "json",
]
"""Packages and modules in which atheris sees what a byte leads to."""


def main() -> None:
    """Fuzzes one reader until the flags say stop."""
    import atheris  # the extra `fuzz`; this module is read by the tests without it too

    with atheris.instrument_imports(include=SEEN):
        from tests.faults.fuzz_targets import tries

    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        tries(name, Path(folder), b"")  # what a reader loads once is no part of what a file costs

        def read(data: bytes) -> None:
            tries(name, Path(folder), data)

        atheris.Setup(sys.argv, read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
