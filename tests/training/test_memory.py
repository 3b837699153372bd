import psutil
import pytest

from cifarlab.training import memory


def megabytes():
    return psutil.Process().memory_info().rss / 1e6


def test_what_was_freed_between_what_stays_is_given_back():
    if not memory.give_back():
        pytest.skip("this system's malloc cannot be asked")
    kept = [bytes(1000) for _ in range(200_000)]  # larger than what Python pools itself
    del kept[::100]
    kept, before = kept[::99], megabytes()
    memory.give_back()
    assert megabytes() < before - 100
    assert kept
