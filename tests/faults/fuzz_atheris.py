"""Fuzzes a reader with atheris: `python -m tests.faults.fuzz_atheris READER DIR`, followed by libFuzzer's flags.

atheris measures code coverage. The directory contains the initial corpus, and files that reach new code are added to
it. A file that makes the reader raise anything but a `UserError`, or exceed the limits on time and memory, ends the
program and is saved.
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
"""Packages and modules that are instrumented for coverage."""


def main() -> None:
    """Fuzzes one reader until a limit in the flags is reached."""
    import atheris  # the extra `fuzz`; tests import this module without it

    with atheris.instrument_imports(include=SEEN):
        from tests.faults.fuzz_targets import tries

    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        tries(name, Path(folder), b"")  # loads what the reader needs only once, so that it does not count

        def read(data: bytes) -> None:
            tries(name, Path(folder), data)

        atheris.Setup(sys.argv, read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
