"""Soak: a long run with dashboard, summaries and an evaluator does not leak memory, threads or files."""

import gc
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import custom
from cifarlab.evaluation.evaluator import evaluate_repeatedly
from cifarlab.monitoring import summaries
from cifarlab.monitoring.dashboard.background_run import BackgroundRun
from cifarlab.monitoring.dashboard.run_monitor import MAX_POINTS, RunMonitor
from cifarlab.monitoring.dashboard.widgets import DashboardWidgets
from cifarlab.training.checkpoints import Checkpoints
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer
from cifarlab.training.run_log import RunLog
from tests.faults.soak_run import SUMMARIES_PER_FILE

pytestmark = [pytest.mark.slow, pytest.mark.full]

ROOT = Path(__file__).parents[2]
WARM_UP = 1800.0
"""Seconds of warm-up before the measured hour. Until then the process's resident memory grows, although the memory
allocated by malloc is constant from the second minute on."""


@pytest.fixture(scope="module")
def long_run(soak, data_dir, tmp_path_factory):
    """The measurements of training for an hour after warm-up, or for 20 seconds, and the run's directory."""
    path = tmp_path_factory.mktemp("long") / "run.json"
    command = [sys.executable, "-m", "tests.faults.soak_run", str(WARM_UP + 3600 if soak else 20), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (ROOT / "artefacts").mkdir(exist_ok=True)
    (ROOT / "artefacts" / "soak.json").write_text(path.read_text())
    return json.loads(path.read_text()), path.with_suffix("")


def slope(hours, values):
    """Returns the Theil-Sen slope: the median over all pairs, which is robust to single jumps."""
    first, second = np.triu_indices(len(hours), 1)
    return float(np.median((values[second] - values[first]) / (hours[second] - hours[first])))


@pytest.mark.fault(promise="soak", injection="an hour of training with dashboard, evaluator and summaries")
def test_memory_does_not_grow(long_run, soak, count_trial):
    seen, _ = long_run
    seconds, resident, blocks, _, handed_out = np.array(seen["samples"]).T
    late = seconds > (WARM_UP if soak else seconds[-1] / 2)
    count_trial(seen["steps"])
    assert blocks[-1] < (1.02 if soak else 1.1) * blocks[late][0], "the number of Python objects must not grow"
    if soak:  # a few seconds are too short to judge memory
        first, last = late & (seconds < WARM_UP + 600), seconds > seconds[-1] - 600
        for megabytes in (resident, handed_out) if np.isfinite(handed_out).all() else (resident,):
            assert slope(seconds[late] / 3600, megabytes[late]) < 0.02 * megabytes[late][0]
            assert megabytes[last].mean() < 1.02 * megabytes[first].mean()


@pytest.mark.fault(promise="soak", injection="an hour of training with dashboard, evaluator and summaries")
def test_pictures_that_were_drawn_are_not_kept(tmp_path, soak, count_trial):
    view, monitor = (
        DashboardWidgets(TrainConfig(train_dir=str(tmp_path)), None, dict.fromkeys(("rate", "compare"), str)),
        RunMonitor(),
    )
    times = 500 if soak else 4

    def draw():
        monitor.history.append({"event": "step", "step": monitor.history.count, "learning_rate": 0.1})
        view.draw(monitor, everything=True)
        gc.collect()
        return sys.getallocatedblocks()

    first = [draw() for _ in range(3)][-1]
    assert [draw() for _ in range(times)][-1] - first < 200 + 20 * times, "a figure is some thousand objects"
    count_trial(times)


@pytest.fixture
def few(tmp_path):
    """A small dataset, which is evaluated quickly."""
    return custom.from_arrays(np.zeros([80, 32, 32, 3], np.uint8), np.arange(80) % 2, tmp_path / "few")


@pytest.fixture
def by_the_evaluator(few, tmp_path):
    """`cifarlab eval` alongside a run that saves a checkpoint between two evaluations."""
    config = TrainConfig(train_dir=str(tmp_path / "run"), max_steps=2, batch_size=8)
    state = train(config, dataset=few)
    checkpoints = Checkpoints(config.train_dir, state)

    def save(_):
        state.step.assign_add(1)
        checkpoints.save()

    evaluations = evaluate_repeatedly(EvalConfig(checkpoint_dir=config.train_dir), dataset=few, wait=save)
    return lambda: next(evaluations)


@pytest.fixture
def by_the_dashboard(few, tmp_path):
    """The evaluation button of a dashboard whose run has ended."""
    run = BackgroundRun(TrainConfig(train_dir=str(tmp_path / "run"), max_steps=2, batch_size=8), dataset=few)

    def evaluate():
        run.evaluate()
        run.wait()
        assert not run.evaluation_error

    run.wait()
    return evaluate


@pytest.mark.fault(promise="soak", injection="repeated evaluations, alongside a run and in a dashboard")
@pytest.mark.parametrize("who", ["by_the_evaluator", "by_the_dashboard"])
def test_an_evaluation_leaves_nothing_behind(request, who, soak, count_trial):
    evaluate, times = request.getfixturevalue(who), 200 if soak else 8

    def blocks_after(evaluations):
        for _ in range(evaluations):
            evaluate()
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks_after(3)
    assert blocks_after(times) - before < 500 + 100 * times, "retracing a graph takes two thousand"
    count_trial(times)


@pytest.mark.fault(promise="soak", injection="repeated summaries")
def test_a_summary_leaves_nothing_behind(few, tmp_path, soak, count_trial):
    """TensorFlow permanently caches a tensor for every Python number that it gets."""
    times, blocks = 2000 if soak else 40, []

    class Counter(Observer):
        def on_step(self, record):
            if record.step in (30, 30 + times):
                gc.collect()
                blocks.append(sys.getallocatedblocks())

    config = TrainConfig(train_dir=str(tmp_path / "run"), max_steps=31 + times, batch_size=8)
    train(config, dataset=few, observers=[summaries.Summaries(1), Counter()])
    assert blocks[1] - blocks[0] < 300 + times
    count_trial(times)


@pytest.mark.fault(promise="soak", injection="threads and open files counted before and after a run")
def test_no_thread_and_no_file_is_left(long_run):
    seen, _ = long_run
    assert seen["after"]["threads"] == seen["before"]["threads"] == ["MainThread"]
    assert not Counter(seen["after"]["files"]) - Counter(seen["before"]["files"])
    assert seen["after"]["native threads"] <= seen["before"]["native threads"]


@pytest.mark.fault(promise="soak", injection="ten thousand updates of a dashboard")
def test_the_dashboard_is_kept_up_to_date_to_the_end(long_run, soak, count_trial):
    seen, _ = long_run
    count_trial(seen["updates"])
    assert seen["updates"] > (10_000 if soak else 50)
    assert len(seen["evaluated"]) > (10 if soak else 0)
    assert seen["evaluated"] == sorted(set(seen["evaluated"]))
    assert seen["evaluated by the dashboard"] > (10 if soak else 0)
    assert seen["lasted"], "the run and the evaluator must last to the end"
    assert not seen["failures"]


@pytest.mark.fault(promise="soak", injection="event files closed and restarted during a run")
def test_event_files_follow_one_another_and_are_read_as_one_run(long_run, count_trial):
    seen, folder = long_run
    files = sorted(folder.glob("events.out.tfevents.*"))
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    steps = [event.step for event in events.Tensors("total_loss")]
    assert steps == list(range(0, seen["steps"], 5))
    assert len(files) == -(-len(steps) // SUMMARIES_PER_FILE) > 1
    count_trial(len(files))


@pytest.mark.fault(promise="soak", injection="a log of a million lines opened by a dashboard")
def test_a_dashboard_keeps_little_of_a_long_log(tmp_path, soak):
    log, lines = RunLog(tmp_path), 1_000_000 if soak else 20_000
    with log.path.open("w") as file:
        file.writelines(json.dumps({"event": "step", "step": step}) + "\n" for step in range(0, 10 * lines, 10))
    monitor = RunMonitor.of_log(str(tmp_path))
    assert monitor.history.count == lines
    assert len(monitor.history.events()) <= MAX_POINTS


@pytest.mark.fault(promise="soak", injection="the number of summaries in a run of ten million steps")
def test_a_weeks_summaries_stay_readable():
    steps = range(0, 10_000_000, 100)
    full = sum(summaries.has_histograms(step, 100) for step in steps)
    assert full == 1_000 + 900 + 900
    assert full * 26_000 + len(steps) * 1_300 < 250e6
