"""Timelines and diagrams of towers."""

import itertools
from collections import Counter

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cifarlab.demos.async_sgd import asynchronous_schedule, synchronous_schedule
from cifarlab.demos.tower_plots import WAITING, timeline, tower_diagram
from cifarlab.plotting import figures
from cifarlab.plotting.figures import COLORS


def drawn(turns):
    _figure, (ax,) = figures.subplots()
    timeline(ax, turns, title="Who waits?")
    widths = Counter()
    for patch in ax.patches:
        widths[to_hex(patch.get_facecolor())] += patch.get_width()
    return ax, widths


def applied(ax, tower):
    return [segment[0][0] for segment in ax.collections[tower].get_segments()]


def test_a_time_line_shows_work_waiting_and_updates():
    ax, widths = drawn(synchronous_schedule([1, 1, 3], until=6))
    assert widths[COLORS[0].lower()] == 2 * (1 + 1 + 3)
    assert widths[WAITING.lower()] == 2 * (2 + 2 + 0)
    assert all(applied(ax, tower) == [3, 6] for tower in range(3))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tower 0", "tower 1", "tower 2"]


def test_asynchronous_towers_never_wait():
    turns = asynchronous_schedule([1, 3], until=3)
    ax, widths = drawn(turns)
    assert widths[WAITING.lower()] == 0
    assert (applied(ax, 0), applied(ax, 1)) == ([1, 2, 3], [3])
    assert [text.get_text() for text in ax.texts] == ["0", "0", "0", "3"]  # by tower


@pytest.mark.parametrize("towers", [1, 2, 4])
def test_the_diagram_has_a_box_for_each_part_and_an_arrow_for_each_flow(towers):
    _figure, (ax,) = figures.subplots(height=3.6)
    tower_diagram(ax, title="What lives where?", towers=towers)
    words = [text.get_text() for text in ax.texts]
    assert sum(word.startswith("tower_") for word in words) == towers
    assert f"{128 // towers} images" in " ".join(words)
    assert len(ax.patches) == 2 + 3 + towers  # the CPU twice, its three boxes, the towers
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 3 * towers + 1  # images, weights, gradients; and the new weights


def test_the_towers_of_a_diagram_do_not_overlap():
    _figure, (ax,) = figures.subplots(height=3.6)
    tower_diagram(ax, title="What lives where?", towers=3)
    boxes = sorted((p.get_y(), p.get_y() + p.get_height()) for p in ax.patches if p.get_x() == 37)
    assert all(below[1] < above[0] for below, above in itertools.pairwise(boxes))
    assert np.ptp([high - low for low, high in boxes]) < 1e-9
