"""Runs the command line interface as `python -m cifarlab`."""

from cifarlab.cli import entry_point

if __name__ == "__main__":
    entry_point()
