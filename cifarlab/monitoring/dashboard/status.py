"""Reading: what a dashboard says at a moment, in words and numbers, with widgets or without."""

from typing import NamedTuple

from cifarlab.config import TrainConfig
from cifarlab.monitoring.console import duration
from cifarlab.monitoring.dashboard.background_run import Session
from cifarlab.monitoring.dashboard.run_monitor import Watch
from cifarlab.plotting import runs
from cifarlab.text import plain, plain_lines
from cifarlab.training.checkpoints import latest_checkpoint


class Reading(NamedTuple):
    """What a dashboard says at a moment.

    Attributes:
        status: "ready", or a `Session`'s.
        line: a sentence about it.
        steps_done: updates.
        max_steps: where the run ends.
        values: name and text of each number that is shown, in their order.
        evaluating: whether an evaluation is under way.
        can_continue: whether there is a checkpoint to go on from.
        details: more lines, such as a traceback; "" for none.
    """

    status: str
    line: str
    steps_done: int
    max_steps: int
    values: tuple[tuple[str, str], ...] = ()
    evaluating: bool = False
    can_continue: bool = False
    details: str = ""


def read(config: TrainConfig, watch: Watch, session: Session | None, message: str = "") -> Reading:
    """What there is to say of a run.

    Args:
        config: of the run, or of the one that would be started.
        watch: what is seen of it.
        session: the run; None before there is one.
        message: to be said besides; "" for none.
    """
    status = session.status if session else "ready"
    saved = session is not None and watch.saved_step is not None
    warnings = [f"Warning: {warning}" for warning in watch.run.warnings] if watch.run else []
    progress = session.progress if session and status == "starting" else ""
    sentence = (session.error if session else "") or progress or line(status, watch, config)
    failed = session.evaluation_error if session else ""
    return Reading(
        status=status,
        line=plain(" ".join(filter(None, [message, sentence, failed, *warnings]))),
        steps_done=watch.steps_done,
        max_steps=config.max_steps,
        values=values(watch),
        evaluating=bool(session and session.evaluating),
        can_continue=saved or latest_checkpoint(config.train_dir) is not None,
        details=plain_lines(session.traceback) if session else "",
    )


def values(watch: Watch) -> tuple[tuple[str, str], ...]:
    """The numbers of a run, by name, as they are shown.

    >>> values(Watch())[0]
    ('loss of a batch', '-')
    """
    record, looks = watch.record, watch.looks.events()
    evaluations = [event for event in watch.history.events() if event["event"] == "evaluation"]
    look, found = (looks or [{}])[-1], (evaluations or [{}])[-1]
    losses = (record.losses["total_loss"], record.averaged_losses["total_loss"]) if record else (None, None)
    return (
        ("loss of a batch", _number(losses[0], ".2f")),
        ("loss, averaged", _number(losses[1], ".2f")),
        ("learning rate", _number(record and record.learning_rate, ".3g")),
        ("images/s", _number(record and record.examples_per_second, ",.0f")),
        ("in the queue", _number(record and record.queue_fill, ",")),
        ("precision, raw", _number(runs.scalar(found, "raw"), ".1%")),
        ("precision, averaged", _number(runs.scalar(found, "averaged"), ".1%")),
        ("gradient norm", _number(look.get("gradient_norm"), ".3g")),
        ("weight norm", _number(look.get("weight_norm"), ".3g")),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}".replace("%", " %")


def line(status: str, watch: Watch, config: TrainConfig) -> str:
    """A sentence about a run that has no error.

    >>> line("running", Watch(), TrainConfig(max_steps=300))
    'Step 0 of 300.'
    """
    done = f"tep {watch.steps_done:,} of {config.max_steps:,}"
    stopped = "stopped and " if watch.steps_done < config.max_steps else ""
    left = "" if watch.seconds_left is None else f", {duration(watch.seconds_left)} left"
    return {
        "ready": f"It would write into {config.train_dir}.",
        "starting": "Filling the queue and building the graph.",
        "running": f"S{done}{left}.",
        "paused": f"S{done}.",
        "stopping": "It ends after the present step, and saves.",
        "ended": f"S{done}, {stopped}saved in {config.train_dir}.",
        "failed": "",
    }[status]
