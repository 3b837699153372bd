import platform

import psutil
import pytest

from cifarlab.backend import trim_heap


def megabytes():
    return psutil.Process().memory_info().rss / 1e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems' malloc cannot be asked")
def test_what_was_freed_between_what_stays_is_given_back():
    kept = [bytes(1000) for _ in range(200_000)]  # larger than what Python pools itself
    kept = kept[::100]  # two megabytes of two hundred, on pages all over
    before = megabytes()
    trim_heap()
    assert megabytes() < before - 100
    assert kept
