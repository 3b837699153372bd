"""`train()`: set up a run, then the training loop around `train_step`. Read from top to bottom.

What a single step computes is in `step.py`. What it changes is in `state.py`.
"""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cifarlab.backend import check_no_scope, tf, trim_heap
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet, check_is_dataset
from cifarlab.data.distortions import Distortion, parse_distortions
from cifarlab.data.pipeline import QueueCounter, distorted_inputs, with_crops
from cifarlab.errors import NotFiniteError, WorkerLostError
from cifarlab.model.network import variable_name
from cifarlab.training.checkpoints import Checkpoints
from cifarlab.training.control import Control, stop_on_interrupt
from cifarlab.training.nonfinite import StateSnapshot, explain_nonfinite
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord
from cifarlab.training.run_dir import check_resumed_dataset, prepare_run_dir, record_run, training_lock
from cifarlab.training.run_log import RunLog
from cifarlab.training.run_network import check_network, record_network, remember_weights
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
    """Trains a network until step `max_steps`, or until it is stopped. Resumes from the latest checkpoint, if any.

    Args:
        config: settings; the defaults are the tutorial's.
        network: the network to train, or a function that creates it (`tf.distribute` needs a function); by default
            `config.network`. It has the trained weights afterwards, and cannot start another run with them unless you
            pass a copy. If `stages` has an argument `training`, it is True in training steps. If a new network has a
            method `adapt`, it is called with training images first.
        dataset: the images; by default `config.dataset`, downloaded or drawn on first use.
        distortions: custom functions, (images, seed) -> images, that replace those named by `config.distortions`; the
            run's settings then say "custom". Take their random numbers from `data.distortions.per_image_uniform`.
        observers: notified of the start, steps, checkpoints and the end.
        control: pauses, steers or stops the run from another thread. Ctrl-C and SIGHUP also stop it.

    Returns:
        The state after the last step, which is also saved in `config.train_dir`.

    Raises:
        ConfigError: the directory cannot be used, or is not empty with `fresh`.
        DataSetError, DownloadError: the dataset is not available, or not the one of the run.
        CheckpointError: the checkpoints belong to a different network, or another process trains in the directory.
        NetworkError: `network` is not a network, not one for this dataset, or has the weights of another run; or it is
            missing, although the run has a custom one.
        NotFiniteError: a loss or gradient became infinite or NaN; the message says where it began, and names the file
            with that step's batch and the last good checkpoint.
        WorkerLostError: another process of a distributed run stopped; the message says how to resume.
    """
    config, dataset, strategy = _resolve(config or TrainConfig(), dataset, distortions, observers)
    with _run_directory(config, strategy) as config:
        changes = check_resumed_dataset(config, dataset)
        with strategy.scope():
            state = make_state(config, dataset, network, num_replicas=strategy.num_replicas)
        strategy.check_state(state)
        check_network(config.train_dir, state.network, config.network, given=network is not None)
        checkpoints, restored = _restore(config, state, strategy)
        record_network(config.train_dir, state.network, config.network, given=network is not None)
        log, warnings = record_run(config, dataset, int(state.step.numpy()), restored)
        run = Run(
            config,
            dataset,
            state,
            compiled_step=_compile_step(strategy, state, config, dataset),
            first_step=int(state.step.numpy()),
            resumed=restored or int(state.step.numpy()) > 0,  # a worker restores nothing: the chief sends it the state
            images_per_step=config.batch_size * strategy.num_replicas,
            is_chief=strategy.is_chief,
            placement=strategy.describe(config.batch_size),
            warnings=(*checkpoints.warnings, *changes, *warnings),
        )
        distortions = parse_distortions(config.distortions) if distortions is None else distortions
        loop = _TrainingLoop(run, strategy, checkpoints, log, distortions, observers, control or Control())
        try:
            return loop.run_to_end()
        finally:
            if network is not None:
                remember_weights(config.train_dir, state.network)


def _resolve(
    config: TrainConfig, dataset: DataSet | None, distortions: Sequence[Distortion] | None, observers: object
) -> tuple[TrainConfig, DataSet, Strategy]:
    """Checks the arguments and the process, chooses the devices and loads the dataset."""
    check_no_scope()
    if not isinstance(config, TrainConfig) or not isinstance(observers, Sequence):
        raise ConfigError(
            f"train takes a TrainConfig and a list of observers; got a {type(config).__name__} and a "
            f"{type(observers).__name__}."
        )
    if distortions is not None:
        config = dataclasses.replace(config, distortions="custom")
    elif config.distortions == "custom":
        raise ConfigError(
            "this run used custom distortion functions, which are not saved with it. Pass them again as "
            "train(distortions=...), or name built-in ones."
        )
    strategy = make_strategy(config, lambda line: [observer.on_waiting(line) for observer in observers])
    dataset = dataset or registry.load(config.dataset, config.data_dir)
    check_is_dataset(dataset)
    return config, with_crops(dataset, config.crop_size, config.padding), strategy


@contextlib.contextmanager
def _run_directory(config: TrainConfig, strategy: Strategy) -> Iterator[TrainConfig]:
    """Prepares and locks the run's directory. A worker other than the chief gets a temporary one in its config."""
    with contextlib.ExitStack() as stack:
        if not strategy.is_chief:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            config = dataclasses.replace(config, train_dir=scratch)
        stack.enter_context(training_lock(prepare_run_dir(config)))
        yield config


def _restore(config: TrainConfig, state: TrainState, strategy: Strategy) -> tuple[Checkpoints, bool]:
    """Restores the latest checkpoint, if any, and gives every worker the chief's state."""
    keep, hours = config.max_checkpoints_to_keep, config.keep_checkpoint_every_n_hours
    checkpoints = Checkpoints(config.train_dir, state, max_to_keep=keep, keep_every_n_hours=hours)
    restored = checkpoints.restore_latest() is not None
    strategy.broadcast(state)
    return checkpoints, restored


def _compile_step(strategy: Strategy, state: TrainState, config: TrainConfig, dataset: DataSet) -> Callable:
    """Returns a `tf.function` that takes one step on this process's share of a batch."""
    images = config.batch_size * strategy.num_replicas // strategy.shard[1]
    shape = [images, dataset.crop_size, dataset.crop_size, dataset.image_shape[2]]
    signature = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([images], tf.int32)]
    return tf.function(strategy.step(state), input_signature=signature)


class _TrainingLoop:
    """One call of `train`, from the restored state to the last checkpoint."""

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
        self.strategy, self.checkpoints, self.log = strategy, checkpoints, log
        self.distortions, self.observers, self.control = distortions, observers, control
        self.step = run.first_step
        self.queue, self.timer = QueueCounter(), StepTimer()
        self.snapshot = StateSnapshot(run.state)
        self.compiled_stages = tf.function(run.state.network.stages)
        self.unsaved = not run.resumed
        self.saved_step = run.first_step if run.resumed else None
        self.saved_at = time.monotonic()

    def run_to_end(self) -> TrainState:
        """Trains, saves the last checkpoint, and notifies every observer of the end, even after an exception."""
        reason, started = "failed", list[Observer]()
        try:
            for observer in self.observers:
                observer.on_start(self.run)
                started.append(observer)
            if not self.run.resumed and self.step < self.config.max_steps:
                self._save_starting_point()
            with stop_on_interrupt(self.control) as interrupted:
                self._train_steps()
                if self.unsaved:
                    self._save()
            stopped = "interrupted" if interrupted.is_set() else "stopped"
            reason = stopped if self.control.stop_requested else "max_steps"
        finally:
            with contextlib.ExitStack() as ends:  # each observer is notified, whatever another one raises
                for observer in reversed(started):
                    ends.callback(observer.on_end, self.run, reason)
        return self.state

    def _train_steps(self) -> None:
        """Trains until `max_steps`, or until a stop is requested."""
        batches = self._batches(self.step, self.queue)
        while self.step < self.config.max_steps:
            self._apply_control()  # pause, or change the learning rate
            if self.control.stop_requested:
                return
            with self.timer.waiting():
                images, labels = next(batches)
            curious = [observer for observer in self.observers if observer.wants_details(self.step)]
            details = self._capture_details(images, labels) if curious else None  # an extra forward pass
            result = self._run_step(images, labels)
            if curious or self.step % self.config.log_frequency == 0:
                self._notify(result, details, curious)
            self.step += 1
            if self._checkpoint_is_due():
                self._save()

    def _batches(self, first_step: int, counter: QueueCounter) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """The run's batches from a step on. They depend only on the seed and the step."""
        return iter(
            distorted_inputs(
                self.run.dataset,
                self.run.images_per_step,
                seed=self.config.seed,
                first_step=first_step,
                min_fraction_of_examples_in_queue=self.config.min_fraction_of_examples_in_queue,
                num_preprocess_threads=self.config.num_preprocess_threads,
                distortions=self.distortions,
                padding=self.config.padding,
                counter=counter,
                shard=self.strategy.shard,
            )
        )

    def _apply_control(self) -> None:
        """Carries out what other threads asked for through the control."""
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

    def _run_pending_calls(self) -> None:
        for function in self.control.pop_pending_calls():
            function(self.state)

    def _capture_details(self, images: tf.Tensor, labels: tf.Tensor) -> StepDetails:
        """Activations and weights before the update; `_notify` adds the gradients."""
        variables = {variable_name(v): tf.identity(v) for v in self.state.network.trainable_variables}
        return StepDetails(images, labels, self.compiled_stages(images), {}, variables)

    def _run_step(self, images: tf.Tensor, labels: tf.Tensor) -> StepResult:
        self.timer.batches += 1
        self.unsaved = True
        try:
            return self.run.compiled_step(images, labels)
        except tf.errors.OpError as error:
            if not self.strategy.is_worker_failure(error):
                raise
            raise WorkerLostError(
                f"lost contact with another worker at step {self.step}; training stopped. "
                f"{self._last_checkpoint_note()} Restart all workers to resume."
            ) from None

    def _notify(self, result: StepResult, details: StepDetails | None, curious: list[Observer]) -> None:
        """Checks that all steps so far were finite, then logs this one and passes it to the observers."""
        self._check_finite()
        record = self._make_record(result)
        if self.step % self.config.log_frequency == 0:
            self.log.append("step", **record._asdict())
            for observer in self.observers:
                observer.on_step(record)
        if details is not None:
            variables = self.state.network.trainable_variables
            gradients = {variable_name(v): g for v, g in zip(variables, result.gradients, strict=True)}
            for observer in curious:
                observer.on_details(record, details._replace(gradients=gradients))

    def _make_record(self, result: StepResult) -> StepRecord:
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

    def _log_event(self, event: str, step: int, **values: Any) -> None:
        """Logs an event other than a step, and passes it to the observers."""
        self.log.append(event, step, **values)
        for observer in self.observers:
            observer.on_event(event, step, **values)

    def _checkpoint_is_due(self) -> bool:
        steps, seconds = self.config.checkpoint_steps, self.config.checkpoint_secs
        return bool(steps and self.step % steps == 0) or bool(seconds and time.monotonic() - self.saved_at >= seconds)

    def _save(self) -> None:
        """Saves a checkpoint. Raises NotFiniteError instead if a step since the last one was not finite."""
        self._check_finite()
        path = self.checkpoints.save()
        self.saved_step, self.saved_at, self.unsaved = self.step, time.monotonic(), False
        self.snapshot.take()
        self.log.append("checkpoint", self.step, path=Path(path).name)
        for observer in self.observers:
            observer.on_checkpoint(self.step, path)
        trim_heap()

    def _save_starting_point(self) -> None:
        """Saves step 0 before anything is logged, so that a run killed early can resume. Observers are not notified."""
        self.checkpoints.save()
        self.saved_step = self.step

    def _check_finite(self) -> None:
        """Raises NotFiniteError if a step since the last check was not finite. Such a step is never saved."""
        bad = int(self.state.first_nonfinite_step.numpy())
        if bad < 0:
            return
        self._log_event("not_finite", bad, replayed=bad - self.snapshot.step)
        batches = self._batches(self.snapshot.step, QueueCounter())
        found = explain_nonfinite(self.run, self.snapshot, bad, batches)
        self.log.append("first_not_finite", bad, place=found.place, batch=found.batch_file)
        raise NotFiniteError(found.message(self._last_checkpoint_note()))

    def _last_checkpoint_note(self) -> str:
        if not self.strategy.is_chief:
            return "The chief's output names the last checkpoint."
        if self.saved_step is None:
            return "No checkpoint has been saved yet."
        return f"The last good checkpoint is that of step {self.saved_step}, in {self.config.train_dir}."
