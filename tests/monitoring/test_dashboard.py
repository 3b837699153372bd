"""The dashboard without a browser: clicks its buttons and reads its values; see also `tests/browser`."""

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import custom
from cifarlab.data.sources.download import Progress
from cifarlab.errors import UserError
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.model.network import ConvNet
from cifarlab.monitoring.dashboard import Dashboard, fallback, panels
from cifarlab.monitoring.dashboard.run_monitor import EventBuffer, RunMonitor
from cifarlab.training.checkpoints import latest_checkpoint
from cifarlab.training.run_dir import training_lock
from cifarlab.training.run_log import read_log

pytestmark = pytest.mark.slow

ENDLESS = 1_000_000


@pytest.fixture(autouse=True)
def widgets(monkeypatch):
    """Simulates a notebook; afterwards ends every run and checks that no thread is left."""
    monkeypatch.setattr("cifarlab.monitoring.dashboard.dashboard.has_widgets", lambda: True)
    yield
    for dashboard in list(Dashboard._by_directory.values()):
        dashboard.close()
    Dashboard._by_directory.clear()
    until(lambda: not threads())


@pytest.fixture
def config(drawn, tmp_path):
    settings = {"max_steps": ENDLESS, "batch_size": 8, "log_frequency": 1, "fast_ops": False}  # built in less time
    return TrainConfig(dataset="drawn", train_dir=str(tmp_path / "run"), **settings)


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("cifarlab")]


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def view(dashboard):
    return dashboard._display._widgets


def click(dashboard, name):
    button = view(dashboard).buttons[name]
    assert not button.disabled, f"{name} cannot be clicked now"
    button.click()


def state(dashboard):
    return view(dashboard)._state.value


def run_to(dashboard, step):
    click(dashboard, "start")
    until(lambda: dashboard.monitor.steps_done >= step)
    until(lambda: 'data-status="running"' in state(dashboard))


def events(folder, kind):
    return [event for event in read_log(folder) if event["event"] == kind]


def test_before_the_start_only_start_can_be_clicked(config):
    dashboard = Dashboard(config)
    assert [name for name, button in view(dashboard).buttons.items() if not button.disabled] == ["start"]
    assert view(dashboard).resume.disabled  # there is no checkpoint
    assert view(dashboard).learning_rate_factor.disabled
    assert "Ready." in state(dashboard)
    assert not threads()


@pytest.mark.full
def test_a_run_ends_at_the_chosen_step(config):
    dashboard = Dashboard(config)
    view(dashboard).settings["max_steps"].value = 3
    view(dashboard).settings["batch_size"].value = 4
    click(dashboard, "start")
    dashboard.wait()
    assert "Ended." in state(dashboard)
    assert "Step 3 of 3" in state(dashboard)
    assert view(dashboard)._progress.value == view(dashboard)._progress.max == 3
    assert dashboard.run.config.batch_size == 4
    assert Path(latest_checkpoint(config.train_dir)).name == "model.ckpt-3"


def test_pause_resume_and_stop(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 3)
    click(dashboard, "pause")
    until(lambda: events(config.train_dir, "pause"))
    before = dashboard.run.monitor.steps_done
    until(lambda: "Paused." in state(dashboard))
    assert view(dashboard).buttons["pause"].description == "Resume"
    time.sleep(0.3)
    assert dashboard.monitor.steps_done == before
    click(dashboard, "pause")
    until(lambda: dashboard.monitor.steps_done > before)
    assert view(dashboard).buttons["pause"].description == "Pause"
    click(dashboard, "stop")
    dashboard.wait()
    done = dashboard.monitor.steps_done
    assert f"Step {done} of 1,000,000, stopped and saved in" in state(dashboard)
    assert Path(latest_checkpoint(config.train_dir)).name == f"model.ckpt-{done}"


@pytest.mark.full
def test_a_paused_run_can_be_stopped(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    click(dashboard, "pause")
    until(lambda: "Paused." in state(dashboard))
    click(dashboard, "stop")
    dashboard.wait()
    assert "Ended." in state(dashboard)


@pytest.mark.full
@pytest.mark.parametrize("when", ["running", "paused", "ended"])
def test_evaluate_now_agrees_with_evaluate(config, when):
    dashboard = Dashboard(config)
    run_to(dashboard, 2)
    if when == "paused":
        click(dashboard, "pause")
        until(lambda: events(config.train_dir, "pause"))
    if when == "ended":
        click(dashboard, "stop")
        dashboard.wait()
    until(lambda: not view(dashboard).buttons["evaluate"].disabled)
    click(dashboard, "evaluate")
    until(lambda: events(config.train_dir, "evaluation"))
    (found,) = events(config.train_dir, "evaluation")
    until(lambda: f"{found['averaged']:.1%}".replace("%", " %") in view(dashboard)._readings.value)
    if when == "running":
        assert found["step"] >= 2
    else:
        dashboard.stop()
        dashboard.wait()
        for name, averaged in (("raw", False), ("averaged", True)):
            wanted = evaluate(EvalConfig(checkpoint_dir=config.train_dir, moving_average=averaged))
            assert found[name] == wanted.precision
            assert found["step"] == wanted.step
            assert found["images"] == wanted.num_examples


@pytest.mark.full
def test_an_evaluation_outlives_the_end_and_the_next_start(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    click(dashboard, "evaluate")
    click(dashboard, "stop")
    dashboard.wait()
    until(lambda: not dashboard.run.busy)
    (found,) = events(config.train_dir, "evaluation")
    run_to(dashboard, dashboard.monitor.steps_done + 1)
    assert events(config.train_dir, "evaluation") == [found]
    assert found in dashboard.monitor.history.events()


@pytest.mark.full
def test_a_changed_learning_rate_is_logged_and_restored(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    view(dashboard).learning_rate_factor.value = 0.1
    until(lambda: events(config.train_dir, "learning_rate_factor"))
    assert events(config.train_dir, "learning_rate_factor")[0]["factor"] == pytest.approx(0.1)
    until(lambda: dashboard.monitor.record.learning_rate == pytest.approx(0.01))
    click(dashboard, "stop")
    dashboard.wait()
    again = Dashboard(config)
    run_to(again, dashboard.monitor.steps_done + 1)
    until(lambda: view(again).learning_rate_factor.value == pytest.approx(0.1))
    until(lambda: again.monitor.steps_done > dashboard.monitor.steps_done + 3)
    assert len(events(config.train_dir, "learning_rate_factor")) == 1  # it is only shown, not requested again


@pytest.mark.full
def test_a_run_that_does_not_resume_gets_a_new_directory(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    click(dashboard, "stop")
    dashboard.wait()
    log = (Path(config.train_dir) / "log.jsonl").read_bytes()
    until(lambda: not view(dashboard).resume.disabled)
    view(dashboard).resume.value = False
    view(dashboard).settings["max_steps"].value = 2
    click(dashboard, "start")
    dashboard.wait()
    assert dashboard.config.train_dir == config.train_dir + "-2"
    assert dashboard.monitor.run.first_step == 0
    assert (Path(config.train_dir) / "log.jsonl").read_bytes() == log


def test_dashboard_is_reused_while_run_is_active(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    again = Dashboard(config)
    assert again is dashboard
    assert "already in progress" in again.status.message
    assert len([name for name in threads() if "training" in name]) == 1
    click(again, "stop")
    again.wait()
    new = Dashboard(config)
    assert new is not dashboard
    assert view(dashboard).buttons["start"].comm is None  # its buttons were closed, too
    with pytest.raises(UserError, match="Create it again"):
        dashboard.start()
    assert new.monitor.steps_done > 0  # according to the log


@pytest.mark.full
def test_a_run_started_while_the_last_one_is_drawn_is_shown(config, monkeypatch):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    drawn, go_on = threading.Event(), threading.Event()
    update = dashboard._display._update_twin
    monkeypatch.setattr(dashboard._display, "_update_twin", lambda: (update(), drawn.set(), go_on.wait(30)))
    click(dashboard, "stop")
    assert drawn.wait(30)
    click(dashboard, "start")
    go_on.set()
    until(lambda: 'data-status="running"' in state(dashboard))


@pytest.mark.full
def test_two_dashboards_are_independent(config, tmp_path):
    boards = [
        Dashboard(config),
        Dashboard(TrainConfig.from_dict({**vars(config), "train_dir": str(tmp_path / "b")})),
    ]
    for dashboard in boards:
        run_to(dashboard, 2)
    assert len([name for name in threads() if "training" in name]) == 2
    click(boards[0], "stop")
    boards[0].wait()
    before = boards[1].monitor.steps_done
    until(lambda: boards[1].monitor.steps_done > before)


@pytest.mark.full
def test_a_locked_directory_gives_one_clear_line(config):
    folder = Path(config.train_dir)
    folder.mkdir()
    with training_lock(folder):
        dashboard = Dashboard(config)
        click(dashboard, "start")
        dashboard.wait()
    assert "Failed." in state(dashboard)
    assert "Traceback" not in state(dashboard)
    assert view(dashboard).buttons["evaluate"].disabled
    run_to(dashboard, 1)  # now the directory is free


def test_an_error_in_a_custom_network_is_shown_with_its_traceback(config):
    class Broken(ConvNet):
        def stages(self, images):
            raise RuntimeError("no <such> layer")

    dashboard = Dashboard(config, network=Broken())
    click(dashboard, "start")
    dashboard.wait()
    assert "RuntimeError: no &lt;such&gt; layer" in state(dashboard)
    assert "in stages" in state(dashboard)


@pytest.mark.full
def test_a_custom_network_is_copied_for_each_run(config):
    network = ConvNet()
    before = network.conv1.weights.numpy()
    dashboard = Dashboard(config, network=network)
    view(dashboard).settings["max_steps"].value = 2
    click(dashboard, "start")
    dashboard.wait()
    assert (network.conv1.weights.numpy() == before).all()
    assert (dashboard.monitor.run.state.network.conv1.weights.numpy() != before).any()


@pytest.mark.full
def test_a_failed_evaluation_does_not_stop_the_run(config, monkeypatch):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)

    def broken(network):
        raise TypeError("cannot be copied")

    with monkeypatch.context() as patch:
        patch.setattr("cifarlab.monitoring.dashboard.background_run.copy.deepcopy", broken)
        click(dashboard, "evaluate")
        until(lambda: "The evaluation failed: TypeError: cannot be copied." in state(dashboard))
    before = dashboard.monitor.steps_done
    until(lambda: dashboard.monitor.steps_done > before)
    until(lambda: not view(dashboard).buttons["evaluate"].disabled)
    click(dashboard, "evaluate")
    until(lambda: events(config.train_dir, "evaluation"))
    until(lambda: "failed" not in state(dashboard))


@pytest.mark.full
def test_start_is_disabled_during_an_evaluation(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    click(dashboard, "stop")
    dashboard.wait()
    click(dashboard, "evaluate")
    assert view(dashboard).buttons["start"].disabled
    dashboard.start()
    assert "still in progress" in state(dashboard)
    dashboard.wait()
    assert not view(dashboard).buttons["start"].disabled


def test_a_download_can_be_stopped(config, monkeypatch):
    def slow(name, data_dir, progress):
        while True:
            progress(Progress("cifar-10-binary.tar.gz", 1_000_000, 170_000_000, 1e6))
            time.sleep(0.02)

    monkeypatch.setattr("cifarlab.monitoring.dashboard.background_run.registry.load", slow)
    dashboard = Dashboard(config)
    click(dashboard, "start")
    until(lambda: "1.0 of 170.0 MB" in state(dashboard))
    click(dashboard, "stop")
    dashboard.wait()
    assert "Failed." in state(dashboard)
    assert "the next start resumes it" in state(dashboard)


@pytest.mark.full
def test_a_factor_outside_the_slider_range_is_kept(config):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    dashboard.scale_learning_rate(0.0001)
    until(lambda: view(dashboard).learning_rate_factor.value == pytest.approx(0.001))  # the end of the slider
    until(lambda: dashboard.monitor.record.learning_rate == pytest.approx(0.00001))
    assert [event["factor"] for event in events(config.train_dir, "learning_rate_factor")] == [0.0001]


def test_an_unknown_argument_leaves_the_directory_usable(config):
    with pytest.raises(TypeError):
        Dashboard(config, netwrk=None)
    assert Dashboard(config).status.phase == "ready"


def test_a_loss_that_is_not_a_number_ends_the_run_with_a_line(config):
    class Infinite(ConvNet):
        def stages(self, images):
            stages = super().stages(images)
            return stages._replace(softmax_linear=stages.softmax_linear * float("inf"))

    dashboard = Dashboard(config, network=Infinite())
    click(dashboard, "start")
    dashboard.wait()
    assert "Failed." in state(dashboard)
    assert "is infinite or NaN" in state(dashboard)


def test_a_figure_that_cannot_be_drawn_does_not_stop_the_run(config, monkeypatch):
    dashboard = Dashboard(config)

    def broken(monitor):
        raise ValueError("no ink")

    monkeypatch.setitem(panels.PANELS, "loss", panels.PANELS["loss"]._replace(draw=broken))
    click(dashboard, "start")
    until(lambda: "out of date: ValueError: no ink" in state(dashboard))
    before = dashboard.monitor.steps_done
    until(lambda: dashboard.monitor.steps_done > before)
    click(dashboard, "stop")
    dashboard.wait()
    assert "Ended." in state(dashboard)
    assert "no ink" in state(dashboard)
    assert not view(dashboard).buttons["start"].disabled
    assert latest_checkpoint(config.train_dir)


def test_every_figure_is_drawn_and_has_alternative_text(config):
    dashboard = Dashboard(config)
    view(dashboard).settings["max_steps"].value = 3
    click(dashboard, "start")
    dashboard.wait()
    for name, panel in panels.PANELS.items():
        assert f'alt="{panel.alt}' in view(dashboard).images[name].value
    assert dashboard.monitor.filters.shape == (5, 5, 3, 64)
    assert dashboard.monitor.images.shape == (8, 24, 24, 3)
    look = dashboard.monitor.network_stats.events()[0]
    assert list(look["sparsity"]) == ["conv1", "conv2", "local3", "local4"]
    assert 0.4 < look["sparsity"]["local3"] < 0.5
    assert 30 < look["weight_norm"] < 50


@pytest.mark.full
def test_a_tab_that_is_opened_is_drawn_at_once(config, monkeypatch):
    monkeypatch.setattr(
        "cifarlab.monitoring.dashboard.widget_display.DRAWING_SHARE", 1e-4
    )  # the next one is drawn minutes later
    dashboard = Dashboard(config)
    before = {name: image.value for name, image in view(dashboard).images.items()}
    run_to(dashboard, 3)
    view(dashboard)._tabs.selected_index = 1
    network = [name for name, panel in panels.PANELS.items() if panel.tab == "Network"]
    until(lambda: all(view(dashboard).images[name].value != before[name] for name in network))


@pytest.mark.full
def test_the_first_figure_of_a_run_is_not_empty(config, monkeypatch):
    monkeypatch.setattr(
        "cifarlab.monitoring.dashboard.widget_display.DRAWING_SHARE", 1e-4
    )  # the next one is drawn minutes later
    dashboard = Dashboard(config)
    empty = view(dashboard).images["loss"].value
    run_to(dashboard, 3)
    until(lambda: view(dashboard).images["loss"].value != empty)


@pytest.mark.full
def test_several_runs_are_compared(config, tmp_path):
    for number in (1, 2):
        dashboard = Dashboard(
            TrainConfig.from_dict({**vars(config), "train_dir": str(tmp_path / str(number)), "max_steps": 2})
        )
        click(dashboard, "start")
        dashboard.wait()
    view(dashboard)._tabs.selected_index = 2
    assert view(dashboard).chosen.options == ("1", "2")
    assert "runs 2" in view(dashboard).images["several"].value
    view(dashboard).chosen.value = ("1", "2")
    assert "runs 1, 2" in view(dashboard).images["several"].value


def test_a_custom_dataset_cannot_be_changed(config, drawn):
    dashboard = Dashboard(config, dataset=drawn)
    assert view(dashboard).settings["dataset"].disabled
    assert view(dashboard).settings["batch_size"].disabled is False


def test_without_widgets_wait_prints_lines_and_saves_a_figure(config, monkeypatch, capsys):
    monkeypatch.setattr("cifarlab.monitoring.dashboard.dashboard.has_widgets", lambda: False)
    dashboard = Dashboard(config)
    dashboard.start()
    say = dashboard._display.tick
    stop = lambda: dashboard.stop() if dashboard.monitor.steps_done else None  # noqa: E731
    monkeypatch.setattr(dashboard._display, "tick", lambda: (say(), stop()))
    dashboard.wait()
    *running, ended, curves = capsys.readouterr().out.splitlines()
    assert running[0].startswith(("Filling the queue", "Step "))
    assert ended.startswith("Ended. Step ")
    assert curves == f"Its curves: {config.train_dir}/dashboard.png"
    assert Path(config.train_dir, "dashboard.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.full
def test_an_interrupt_of_waiting_stops_the_run_and_saves_it(config, monkeypatch):
    dashboard = Dashboard(config)
    run_to(dashboard, 1)
    finish, impatience = dashboard._display.wait_for_updates, iter(range(2))

    def interrupted(then=lambda: None):
        if next(impatience, None) is not None:
            raise KeyboardInterrupt
        then()

    monkeypatch.setattr(dashboard._display, "tick", interrupted)
    monkeypatch.setattr(dashboard._display, "wait_for_updates", lambda: interrupted(finish))
    dashboard.wait()
    assert "Ended." in state(dashboard)
    assert latest_checkpoint(config.train_dir)


def test_dashboard_controls_need_a_run(config):
    dashboard = Dashboard(config)
    dashboard.pause()
    assert "no run to control yet" in state(dashboard)


@pytest.mark.full
def test_a_run_is_saved_when_its_process_ends(config, data_dir):
    program = f"""
from cifarlab.config import TrainConfig
from cifarlab.monitoring.dashboard import Dashboard
dashboard = Dashboard(TrainConfig.from_dict({vars(config)!r}))
dashboard.start()
while dashboard.monitor.steps_done < 2:
    dashboard.run.wait(0.05)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert latest_checkpoint(config.train_dir)


def test_history_is_downsampled_evenly_and_keeps_other_events():
    history = EventBuffer(max_points=100)
    for step in range(1_000):
        history.append({"event": "step", "step": step})
        if step % 100 == 0:
            history.append({"event": "evaluation", "step": step})
    steps = [event["step"] for event in history.events() if event["event"] == "step"]
    assert len(steps) <= 100
    assert {after - before for before, after in itertools.pairwise(steps)} == {16}
    assert len([event for event in history.events() if event["event"] == "evaluation"]) == 10


def test_the_fallback_of_a_run_that_has_not_started():
    data = fallback.mime_bundle("runs/live", [])
    assert data["text/plain"] == "The run in runs/live has not started."
    assert 'alt="The run in runs/live has not started."' in data["text/html"]


def test_a_monitor_without_a_log_is_empty(tmp_path):
    monitor = RunMonitor.of_log(tmp_path)
    assert monitor.history.events() == []
    assert monitor.seconds_left is None


@pytest.mark.full
def test_custom_dataset_and_distortions(tmp_path):
    """Four classes of 20 x 20 images determine crops, network, evaluation and panels."""
    images = np.random.default_rng(0).integers(0, 256, [60, 20, 20, 3], np.uint8)
    dataset = custom.from_arrays(images, np.arange(60) % 4, tmp_path / "mine", classes=["oak", "ash", "elm", "fir"])
    seen = []

    def noted(images, seed):
        seen.append(images.shape)
        return images

    config = TrainConfig(train_dir=str(tmp_path / "run"), max_steps=4, batch_size=8, log_frequency=1)
    dashboard = Dashboard(config, dataset=dataset, distortions=[noted])
    assert view(dashboard).settings["dataset"].options == ("mine",)
    click(dashboard, "start")
    dashboard.wait()
    assert seen[0][1:] == (15, 15, 3)
    click(dashboard, "evaluate")
    dashboard.wait()
    (event,) = events(config.train_dir, "evaluation")
    assert event["images"] == 12
    assert evaluate(EvalConfig(checkpoint_dir=config.train_dir)).num_examples == 12
