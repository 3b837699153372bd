"""DashboardStatus: the text and numbers that a dashboard shows, with or without widgets."""

from typing import NamedTuple

from cifarlab.config import TrainConfig
from cifarlab.monitoring.console import format_duration
from cifarlab.monitoring.dashboard.background_run import BackgroundRun
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.plotting import runs
from cifarlab.text import sanitize, sanitize_lines
from cifarlab.training.checkpoints import latest_checkpoint


class DashboardStatus(NamedTuple):
    """The text and numbers that a dashboard shows.

    Attributes:
        phase: "ready", or the phase of a `BackgroundRun`.
        message: one or more sentences about the phase.
        steps_done: the number of updates so far.
        max_steps: the step at which the run ends.
        numbers: (name, text) of each number, in the order of display.
        evaluating: whether an evaluation is in progress.
        can_resume: whether there is a checkpoint to resume from.
        details: more lines, such as a traceback, or "".
    """

    phase: str
    message: str
    steps_done: int
    max_steps: int
    numbers: tuple[tuple[str, str], ...] = ()
    evaluating: bool = False
    can_resume: bool = False
    details: str = ""


def current_status(
    config: TrainConfig, monitor: RunMonitor, run: BackgroundRun | None, message: str = ""
) -> DashboardStatus:
    """Returns the status of a run.

    Args:
        config: the settings of the run, or of the next one.
        monitor: the recorded events of the run.
        run: the run, or None before the first.
        message: an additional sentence, or "".
    """
    phase = run.phase if run else "ready"
    saved = run is not None and monitor.saved_step is not None
    warnings = [f"Warning: {warning}" for warning in monitor.run.warnings] if monitor.run else []
    progress = run.download_progress if run and phase == "starting" else ""
    sentence = (run.error if run else "") or progress or phase_message(phase, monitor, config)
    failed = run.evaluation_error if run else ""
    return DashboardStatus(
        phase=phase,
        message=sanitize(" ".join(filter(None, [message, sentence, failed, *warnings]))),
        steps_done=monitor.steps_done,
        max_steps=config.max_steps,
        numbers=numbers(monitor),
        evaluating=bool(run and run.evaluating),
        can_resume=saved or latest_checkpoint(config.train_dir) is not None,
        details=sanitize_lines(run.traceback) if run else "",
    )


def numbers(monitor: RunMonitor) -> tuple[tuple[str, str], ...]:
    """Returns (name, text) of each number of a run, in the order of display.

    >>> numbers(RunMonitor())[0]
    ('batch loss', '-')
    """
    record, all_stats = monitor.record, monitor.network_stats.events()
    evaluations = [event for event in monitor.history.events() if event["event"] == "evaluation"]
    stats, found = (all_stats or [{}])[-1], (evaluations or [{}])[-1]
    losses = (record.losses["total_loss"], record.averaged_losses["total_loss"]) if record else (None, None)
    return (
        ("batch loss", _format_number(losses[0], ".2f")),
        ("average loss", _format_number(losses[1], ".2f")),
        ("learning rate", _format_number(record and record.learning_rate, ".3g")),
        ("images/s", _format_number(record and record.examples_per_second, ",.0f")),
        ("queue fill", _format_number(record and record.queue_fill, ",")),
        ("precision (raw)", _format_number(runs.scalar(found, "raw"), ".1%")),
        ("precision (averaged)", _format_number(runs.scalar(found, "averaged"), ".1%")),
        ("gradient norm", _format_number(stats.get("gradient_norm"), ".3g")),
        ("weight norm", _format_number(stats.get("weight_norm"), ".3g")),
    )


def _format_number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}".replace("%", " %")


def phase_message(phase: str, monitor: RunMonitor, config: TrainConfig) -> str:
    """Returns a sentence about the phase of a run that has not failed.

    >>> phase_message("running", RunMonitor(), TrainConfig(max_steps=300))
    'Step 0 of 300.'
    """
    done = f"tep {monitor.steps_done:,} of {config.max_steps:,}"
    stopped = "stopped and " if monitor.steps_done < config.max_steps else ""
    left = "" if monitor.seconds_left is None else f", {format_duration(monitor.seconds_left)} left"
    return {
        "ready": f"The run directory is {config.train_dir}.",
        "starting": "Filling the queue and building the graph.",
        "running": f"S{done}{left}.",
        "paused": f"S{done}.",
        "stopping": "Saving after the current step.",
        "ended": f"S{done}, {stopped}saved in {config.train_dir}.",
        "failed": "",
    }[phase]
