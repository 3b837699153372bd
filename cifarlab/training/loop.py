"""train(): the loop around `train_step`, and what it tells its observers."""

import contextlib
import ctypes
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet, check_is_dataset
from cifarlab.data.distortions import Distortion, parse_distortions
from cifarlab.data.pipeline import QueueCounter, distorted_inputs
from cifarlab.errors import NotFiniteError, WorkerLostError
from cifarlab.model.network import variable_name
from cifarlab.training.checkpoint_files import PREFIX
from cifarlab.training.checkpoints import Checkpoints
from cifarlab.training.control import Control, stop_on_interrupt
from cifarlab.training.nonfinite import StateSnapshot, locate_nonfinite, save_batch
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord
from cifarlab.training.run_dir import prepare_run_dir, resume_warnings, training_lock
from cifarlab.training.run_log import RunLog
from cifarlab.training.state import TrainState, make_state
from cifarlab.training.step import StepResult
from cifarlab.training.strategies.strategy import Strategy, make_strategy
from cifarlab.training.timer import StepTimer


def train(
    config: TrainConfig | None = None,
    *,
    network: tf.Module | Callable[[], tf.Module] | None = None,
    dataset: DataSet | None = None,
    distortions: Sequence[Distortion] | None = None,
    observers: Sequence[Observer] = (),
    control: Control | None = None,
) -> TrainState:
    """Trains a network, from its newest checkpoint on if there is one, until `max_steps` or until it is stopped.

    Args:
        config: settings; the defaults are the tutorial's.
        network: what to train, or a function that makes it, which `tf.distribute` needs; by default the tutorial's
            network for this data set.
        dataset: the pictures; by default `config.dataset`, fetched or drawn on first use.
        distortions: functions of one's own, (images, seed) -> images, in the place of those that `config.distortions`
            names; the run's settings say "custom" then. `data.distortions.per_image_uniform` makes their random
            numbers.
        observers: told of start, steps, checkpoints and end.
        control: for steering from another thread. Ctrl-C stops, too.

    Returns:
        The state after the last step, which is also saved in `config.train_dir`.

    Raises:
        ConfigError: the folder cannot be used, holds a run on other pictures, or anything at all with `fresh`.
        DataSetError, DownloadError: the data cannot be had.
        CheckpointError: the folder's checkpoints are of another network, or it is in use.
        NotFiniteError: a loss or gradient became infinite or not a number; the message says where it began, and names
            the file of the step's batch and the last good checkpoint.
        WorkerLostError: another process of this job is gone; the message says how to go on.
    """
    config, control = config or TrainConfig(), control or Control()
    _check_arguments(config, distortions, observers)
    if distortions is not None:
        config = dataclasses.replace(config, distortions="custom")
    strategy = make_strategy(config)
    dataset = dataset or registry.load(config.dataset, config.data_dir)
    check_is_dataset(dataset)
    with _run_directory(config, strategy) as config:
        folder = Path(config.train_dir)
        with strategy.scope():
            network = network() if network is not None and not isinstance(network, tf.Module) else network
            state = make_state(config, dataset, network, num_replicas=strategy.num_replicas)
        strategy.check_state(state)
        keep, hours = config.max_checkpoints_to_keep, config.keep_checkpoint_every_n_hours
        checkpoints = Checkpoints(folder, state, max_to_keep=keep, keep_every_n_hours=hours)
        resumed = checkpoints.restore_latest() is not None
        strategy.broadcast(state)
        first_step = int(state.step.numpy())
        warnings = resume_warnings(folder, config, dataset, first_step) if resumed else []
        config.save(folder / "config.json")
        dataset.save_description(folder / "dataset.json")
        log = RunLog(folder)
        if resumed:
            log.rewind(first_step, checkpoint=f"{PREFIX}-{first_step}" if first_step else "")
        run = Run(
            config,
            dataset,
            state,
            compiled_step=_compiled(strategy, state, config, dataset),
            first_step=first_step,
            resumed=resumed or first_step > 0,  # a worker gets its state from the chief
            images_per_step=config.batch_size * strategy.num_replicas,
            is_chief=strategy.is_chief,
            placement=strategy.describe(config.batch_size),
            warnings=(*checkpoints.warnings, *warnings),
        )
        chosen = parse_distortions(config.distortions) if distortions is None else distortions
        return _TrainingLoop(run, strategy, checkpoints, log, chosen, observers, control).run_to_end()


@contextlib.contextmanager
def _run_directory(config: TrainConfig, strategy: Strategy) -> Iterator[TrainConfig]:
    """Prepares and locks the run's directory; a worker that is not the chief gets a temporary one, in its config."""
    with contextlib.ExitStack() as stack:
        if not strategy.is_chief:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            config = dataclasses.replace(config, train_dir=scratch)
        stack.enter_context(training_lock(prepare_run_dir(config)))
        yield config


def _check_arguments(config: TrainConfig, distortions: Sequence[Distortion] | None, observers: object) -> None:
    """Refuses what would fail far inside, or train with something else than one thinks."""
    if not isinstance(config, TrainConfig) or not isinstance(observers, Sequence):
        raise ConfigError(
            f"train takes a TrainConfig and a list of observers; got a {type(config).__name__} and a "
            f"{type(observers).__name__}."
        )
    if distortions is None and config.distortions == "custom":
        raise ConfigError(
            "this run has distortions of its own, which are functions; got none. Pass them: train(distortions=...), "
            "or name others."
        )


def _compiled(strategy: Strategy, state: TrainState, config: TrainConfig, dataset: DataSet) -> Callable:
    """A step as a `tf.function` of this process's share of a batch."""
    images = config.batch_size * strategy.num_replicas // strategy.shard[1]
    shape = [images, dataset.crop_size, dataset.crop_size, dataset.image_shape[2]]
    signature = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([images], tf.int32)]
    return tf.function(strategy.step(state), input_signature=signature)


class _TrainingLoop:
    """One call of `train`: from the restored state to the last checkpoint."""

    def __init__(
        self,
        run: Run,
        strategy: Strategy,
        checkpoints: Checkpoints,
        log: RunLog,
        distortions: Sequence[Distortion],
        observers: Sequence[Observer],
        control: Control,
    ) -> None:
        self.run, self.config, self.state = run, run.config, run.state
        self.strategy = strategy
        self.checkpoints, self.log, self.distortions = checkpoints, log, distortions
        self.observers, self.control = observers, control
        self.queue, self.snapshot = QueueCounter(), StateSnapshot(run.state)
        self.compiled_stages = tf.function(run.state.network.stages)
        self.step = run.first_step
        self.saved_step, self.saved_at = run.first_step if run.resumed else None, time.monotonic()
        self.unsaved = not run.resumed
        self.timer = StepTimer()

    def run_to_end(self) -> TrainState:
        reason, started = "failed", list[Observer]()
        try:
            for observer in self.observers:
                observer.on_start(self.run)
                started.append(observer)
            if not self.run.resumed and self.step < self.config.max_steps:
                self._save_starting_point()
            with stop_on_interrupt(self.control) as interrupted:
                self._steps()
            self._check_finite()
            if self.unsaved:
                self._save()
            reason = (
                "interrupted" if interrupted.is_set() else "stopped" if self.control.stop_requested else "max_steps"
            )
        finally:
            with contextlib.ExitStack() as ends:  # each is told, whatever another one raises
                for observer in reversed(started):
                    ends.callback(observer.on_end, self.run, reason)
        return self.state

    def _steps(self) -> None:
        batches = self._batches(self.step, self.queue)
        while self.step < self.config.max_steps:
            self._apply_control()
            if self.control.stop_requested:
                return
            with self.timer.waiting():
                images, labels = next(batches)
            wanted = [observer for observer in self.observers if observer.wants_details(self.step)]
            before = self._capture_details(images, labels) if wanted else None
            try:
                result = self.run.compiled_step(images, labels)
            except tf.errors.OpError as error:
                if not self.strategy.is_worker_failure(error):
                    raise
                raise WorkerLostError(
                    f"another worker does not answer since step {self.step}; training stopped. "
                    f"{self._last_checkpoint_note()} Start all workers again to go on."
                ) from None
            self.timer.batches += 1
            self.unsaved = True
            if wanted or self.step % self.config.log_frequency == 0:
                self._notify(result, before, wanted)
            self.step += 1
            if self._checkpoint_is_due():
                self._check_finite()
                self._save()

    def _batches(self, first_step: int, counter: QueueCounter) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        return iter(
            distorted_inputs(
                self.run.dataset,
                self.run.images_per_step,
                seed=self.config.seed,
                first_step=first_step,
                min_fraction_of_examples_in_queue=self.config.min_fraction_of_examples_in_queue,
                num_preprocess_threads=self.config.num_preprocess_threads,
                distortions=self.distortions,
                counter=counter,
                shard=self.strategy.shard,
            )
        )

    def _apply_control(self) -> None:
        """Does what was asked for through the control."""
        self._run_pending_calls()
        if self.control.paused:
            self._log_event("pause", self.step)
            with self.timer.paused():
                while self.control.wait_while_paused():
                    self._run_pending_calls()
        factor = self.control.pop_learning_rate_factor()
        if factor is not None:
            self.state.learning_rate_factor.assign(factor)
            self.snapshot.record_factor(self.step, factor)
            self.unsaved = True
            self._log_event("learning_rate_factor", self.step, factor=factor)

    def _log_event(self, event: str, step: int, **values: Any) -> None:
        """Logs what is no step, and tells of it."""
        self.log.append(event, step, **values)
        for observer in self.observers:
            observer.on_event(event, step, **values)

    def _run_pending_calls(self) -> None:
        """Shows the state to those who asked for a look."""
        for function in self.control.pop_pending_calls():
            function(self.state)

    def _capture_details(self, images: tf.Tensor, labels: tf.Tensor) -> StepDetails:
        variables = {variable_name(v): tf.identity(v) for v in self.state.network.trainable_variables}
        return StepDetails(images, labels, self.compiled_stages(images), {}, variables)

    def _notify(self, result: StepResult, before: StepDetails | None, wanted: list[Observer]) -> None:
        self._check_finite()
        record = self._record(result)
        if self.step % self.config.log_frequency == 0:
            self.log.append("step", **record._asdict())
            for observer in self.observers:
                observer.on_step(record)
        if before is not None:
            variables = self.state.network.trainable_variables
            gradients = {variable_name(v): g for v, g in zip(variables, result.gradients, strict=True)}
            for observer in wanted:
                observer.on_details(record, before._replace(gradients=gradients))

    def _record(self, result: StepResult) -> StepRecord:
        losses = {name: float(value) for name, value in result.losses.by_name().items()}
        seconds, wait = self.timer.lap(restart=self.step % self.config.log_frequency == 0)
        return StepRecord(
            step=self.step,
            losses=losses,
            averaged_losses=self.state.debiased_loss_averages(),
            learning_rate=float(result.learning_rate),
            examples_per_second=self.run.images_per_step / seconds,
            seconds_per_batch=seconds,
            queue_fill=self.queue.fill,
            input_wait=wait,
        )

    def _checkpoint_is_due(self) -> bool:
        steps, seconds = self.config.checkpoint_steps, self.config.checkpoint_secs
        return bool(steps and self.step % steps == 0) or bool(seconds and time.monotonic() - self.saved_at >= seconds)

    def _save(self) -> None:
        path = self.checkpoints.save()
        self.saved_step, self.saved_at, self.unsaved = self.step, time.monotonic(), False
        self.snapshot.take()
        self.log.append("checkpoint", self.step, path=Path(path).name)
        for observer in self.observers:
            observer.on_checkpoint(self.step, path)
        _trim_heap()

    def _save_starting_point(self) -> None:
        """Saves step 0 before anything is logged, so that a run which is killed early resumes; no event tells of it."""
        self.checkpoints.save()
        self.saved_step = self.step

    def _check_finite(self) -> None:
        """Raises when a step since the last look was not finite; nothing of it was saved."""
        bad = int(self.state.first_nonfinite_step.numpy())
        if bad < 0:
            return
        self._log_event("not_finite", bad, replayed=bad - self.snapshot.step)
        raise NotFiniteError(
            f"the loss or a gradient of step {bad} is infinite or not a number; training stopped. "
            f"{self._locate_nonfinite(bad)} {self._last_checkpoint_note()} The learning rate is probably too high: go "
            "on with a smaller --initial-learning-rate."
        )

    def _locate_nonfinite(self, bad: int) -> str:
        """Takes the steps up to a bad one again; says where in it the numbers went wrong, and where its batch is."""
        batches = self._batches(self.snapshot.step, QueueCounter())
        batch = self.snapshot.replay_to(bad, batches, self.run.compiled_step)
        place, path = locate_nonfinite(self.state, batch), Path(self.config.train_dir) / f"not_finite-{bad}.npz"
        saved = save_batch(path, bad, batch) if self.run.is_chief else ""
        self.log.append("first_not_finite", bad, place=place, batch=path.name if path.exists() else None)
        if not place:
            return f"Taken once more, it had only finite numbers: this device does not compute the same twice. {saved}"
        return f"It begins with {place}. {saved}"

    def _last_checkpoint_note(self) -> str:
        """A sentence about the last checkpoint."""
        if not self.strategy.is_chief:
            return "The chief says which checkpoint is the last."
        if self.saved_step is None:
            return "No checkpoint was saved yet."
        return f"The last good checkpoint is that of step {self.saved_step}, in {self.config.train_dir}."


def _trim_heap() -> None:
    """Asks glibc's malloc to return free pages to the system, which it otherwise keeps; nothing on other systems."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
