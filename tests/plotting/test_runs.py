import pytest

from cifarlab.config import TrainConfig
from cifarlab.plotting import figures, runs
from cifarlab.training.loop import train
from cifarlab.training.run_log import read_log


def event(step, **values):
    losses = {"total_loss": 5.0 - step / 100}
    line = {"event": "step", "step": step, "losses": losses, "averaged_losses": losses}
    return {**line, "learning_rate": 0.1, "examples_per_second": 100.0 + step, **values}


LOG = [event(0), {"event": "pause", "step": 1}, event(10), {"event": "checkpoint", "step": 11}, event(20)]


@pytest.fixture
def ax():
    return figures.subplots()[1][0]


def test_losses_are_drawn_with_marked_events(ax):
    runs.losses(ax, LOG)
    raw, averaged, mark = ax.get_lines()
    assert raw.get_xydata().tolist() == averaged.get_xydata().tolist() == [[0, 5], [10, 4.9], [20, 4.8]]
    assert raw.get_alpha() < 1
    assert mark.get_xdata()[0] == 1
    assert [text.get_text() for text in ax.texts] == ["paused"]


def test_overlapping_marks_are_drawn_once(ax):
    moved = [{"event": "learning_rate_factor", "step": step} for step in (4, 5, 6, 7, 40)]
    runs.losses(ax, [event(0), *moved, {"event": "pause", "step": 41}, event(100)])
    assert [(text.get_text(), text.xy[0]) for text in ax.texts] == [
        ("paused", 41),
        ("rate changed", 40),
        ("rate changed", 7),
    ]


def test_the_learning_rate_is_a_staircase_from_zero(ax):
    runs.learning_rate(ax, LOG)
    assert ax.get_lines()[0].get_drawstyle() == "steps-post"
    assert ax.get_ylim()[0] == 0


def test_the_first_speed_includes_building_the_graph_and_is_left_out(ax):
    runs.speed(ax, LOG)
    assert ax.get_lines()[0].get_xydata().tolist() == [[10, 110], [20, 120]]


@pytest.mark.parametrize("draw", [runs.losses, runs.learning_rate, runs.speed])
def test_an_empty_log_gives_an_empty_figure(ax, draw):
    draw(ax, [])
    assert ax.get_title(loc="left").endswith("?")


def test_a_loss_that_is_not_a_number_is_left_out(ax):
    log = [event(0), event(10, losses={"total_loss": None})]
    assert runs.series(log, "losses", "total_loss") == ([0], [5.0])
    runs.losses(ax, log)


def test_the_log_of_a_real_run(ax, tmp_path, drawn):
    config = TrainConfig(dataset="drawn", train_dir=str(tmp_path), max_steps=3, batch_size=8, log_frequency=1)
    train(config, dataset=drawn)
    runs.losses(ax, read_log(tmp_path))
    assert [len(line.get_xdata()) for line in ax.get_lines()] == [3, 3]
