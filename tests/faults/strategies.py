"""Hypothesis strategies for damaged files: changed bytes and arbitrary JSON values."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(Path(__file__).parents[2] / ".pytest_cache" / "hypothesis")  # Hypothesis' database


def briefly(soak: bool, examples: int, long: int = 50) -> settings:
    """Settings of a property test: fixed examples, or in soak tests `long` times as many random ones."""
    return settings(
        max_examples=examples * (long if soak else 1),
        derandomize=not soak,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63, 10**30, 10**400, -(10**400), 1e308, -1e308, 1e-320, 1.5])
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["", "\0", "\n", "\ud800", "\x1b]0;owned\x07", "\u202e", "<script>", "$\\frac{", "a" * 10_000])
)
"""JSON values that are not containers, including non-standard ones that Python accepts."""


def anything() -> st.SearchStrategy[Any]:
    """Generates any JSON value."""
    return st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    )


def json_values(known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Generates a valid object with fields changed or left out, or any other value."""
    names = st.sampled_from(list(known))
    one = st.tuples(names, anything()).map(lambda pair: known | {pair[0]: pair[1]})
    some = st.fixed_dictionaries({}, optional={name: st.just(value) | anything() for name, value in known.items()})
    less = st.sets(names, max_size=1).map(lambda left_out: {n: v for n, v in known.items() if n not in left_out})
    return st.one_of(one, one, some, less, anything())


def changed_bytes(whole: bytes, head: int = 256) -> st.SearchStrategy[bytes]:
    """Generates variants of a file: with bytes changed (mostly in its header), inserted or removed, or truncated.

    Args:
        whole: a valid file.
        head: the length in bytes of its header, which contains lengths and types.
    """
    place = st.integers(0, min(head, len(whole)) - 1) | st.integers(0, len(whole) - 1)
    byte = st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)
    change = st.tuples(place, st.sampled_from([0, 1, 1, 1, 1, 4]), st.lists(byte, max_size=4).map(bytes))
    set_byte = st.tuples(place, st.just(1), byte.map(lambda value: bytes([value])))

    def spoil(changes: list, end: int | None) -> bytes:
        data = bytearray(whole)
        for at, length, new in changes:
            data[at : at + length] = new
        return bytes(data[:end])

    end = st.none() | st.none() | st.integers(0, len(whole))
    return st.builds(spoil, st.lists(set_byte | change, max_size=12), end)
