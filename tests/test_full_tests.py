"""`make test` loses no test unnoticed: what only `make test-full` runs is in a list, with its seconds."""

import re
from pathlib import Path

LIST = Path(__file__).parent / "full_tests.txt"


def test_tests_that_are_marked_full_are_listed(collected):
    lines = LIST.read_text().splitlines()
    assert lines == sorted(lines, key=lambda line: line.split()[1])
    assert all(re.fullmatch(r" *\d+ \S+", line) for line in lines), "each line is seconds and a test"
    listed = {line.split()[1] for line in lines}
    marked = {item.nodeid.partition("[")[0] for item in collected if item.get_closest_marker("full")}
    files = {item.nodeid.partition("::")[0] for item in collected}
    assert marked <= listed, f"add to {LIST.name}, with their seconds: {sorted(marked - listed)}"
    files |= {file for file in (test.partition("::")[0] for test in listed) if not (LIST.parents[1] / file).exists()}
    stale = {test for test in listed - marked if test.partition("::")[0] in files}
    assert not stale, f"not marked full; remove from {LIST.name}: {sorted(stale)}"
