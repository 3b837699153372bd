import platform

import psutil
import pytest

from cifarlab.backend import trim_heap


def megabytes():
    return psutil.Process().memory_info().rss / 1e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems' malloc cannot be asked")
def test_trim_heap_returns_freed_memory_to_the_system():
    kept = [bytes(1000) for _ in range(200_000)]  # larger than the objects that Python pools
    kept = kept[::100]  # 2 MB of 200 MB, spread over all pages
    before = megabytes()
    trim_heap()
    assert megabytes() < before - 100
    assert kept
