"""The command line interface: each command turns its arguments into a config and makes one call."""

import argparse
import dataclasses
import datetime
import difflib
import functools
import importlib.metadata
import signal
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from cifarlab import streams
from cifarlab.config import RECIPES, EvalConfig, TrainConfig
from cifarlab.data import cli as data_command
from cifarlab.errors import NotFiniteError, UserError, WorkerLostError
from cifarlab.teaching.grading import cli as assignments_command
from cifarlab.text import sanitize

if TYPE_CHECKING:
    from cifarlab.evaluation.classifier import Classifier

Settings = TypeVar("Settings", TrainConfig, EvalConfig)

MULTI_GPU_SETTINGS: dict[str, Any] = {"num_gpus": 2}
"""The settings in which `multi-gpu` differs from `train`."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line and suggests options with similar names."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split(" ")[0].split("=")[0]
        near = difflib.get_close_matches(unknown, self._option_string_actions, n=2)
        hint = f" Did you mean {', '.join(near)}?" if near and message.startswith("unrecognized") else ""
        self.exit(2, f"{self.prog}: {sanitize(message)}.{hint} See {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status.

    It is 0, 2 for bad input, 1 for a failed run, or 128 and the number of the signal that stopped it: 130 for Ctrl-C.

    Args:
        arguments: the arguments without the program's name; by default those of this process.
    """
    parser, commands = _parsers()
    options, unknown = parser.parse_known_args(arguments)
    command = commands[options.command]
    if unknown:
        command.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return COMMANDS[options.command][0](options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except (NotFiniteError, WorkerLostError) as error:
        return _fail(command.prog, error, 1)
    except (UserError, OSError) as error:
        return _fail(command.prog, error, 2)


def entry_point() -> NoReturn:
    """Entry point of the installed program `cifarlab`."""
    raise SystemExit(streams.run(main))


def _train(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.monitoring.console import Console, DownloadProgressBar, echo
    from cifarlab.monitoring.summaries import Summaries
    from cifarlab.training.control import Control
    from cifarlab.training.loop import train
    from cifarlab.training.run_dir import prepare_run_dir
    from cifarlab.training.strategies.gpus import unused_gpu_line
    from cifarlab.training.strategies.strategy import check_tf_config

    towers = MULTI_GPU_SETTINGS if options.command == "multi-gpu" else {}
    config = _config(TrainConfig, options, {**RECIPES[options.recipe], **towers})
    control = Control()
    with streams.lossy_stdout() as lost:
        # A download may take an hour, so other mistakes are reported first.
        check_tf_config(config)
        prepare_run_dir(config)
        if line := unused_gpu_line(config):
            echo(line)
        dataset = registry.load(config.dataset, config.data_dir, progress=DownloadProgressBar())
        observers = [Console(), Summaries(config.summary_frequency)]
        train(config, dataset=dataset, observers=observers, control=control)
    if control.stop_requested:
        return 128 + (control.stop_signal or signal.SIGINT)
    return 1 if lost() else 0


def _eval(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.evaluation.evaluator import evaluate, evaluate_repeatedly
    from cifarlab.monitoring.console import DownloadProgressBar, echo, evaluation_line
    from cifarlab.monitoring.summaries import EvaluationSummaries
    from cifarlab.training.checkpoints import latest_checkpoint, require_checkpoint

    config = _config(EvalConfig, options)
    if config.dataset is not None:
        registry.check_name(config.dataset)
    if config.run_once:
        require_checkpoint(config.checkpoint_dir)  # before eval_dir is created
    run = Path(config.checkpoint_dir).absolute()
    summaries = EvaluationSummaries(config.eval_dir or run.with_name(f"{run.name}-eval"))
    if not config.run_once and latest_checkpoint(config.checkpoint_dir) is None:
        echo(f"No checkpoint in {config.checkpoint_dir} yet; checking every {config.eval_interval_secs:g} s.")
    progress = DownloadProgressBar()
    once = config.run_once
    for evaluation in [evaluate(config, progress=progress)] if once else evaluate_repeatedly(config, progress=progress):
        _warn(evaluation.warnings)
        echo(evaluation_line(evaluation, config.moving_average, datetime.datetime.now()))
        summaries.write(evaluation)
    return 0


def _classify(options: argparse.Namespace) -> int:
    from cifarlab.evaluation.image_predictions import classify_files, find_images
    from cifarlab.monitoring.prediction_lines import FORMATS

    classifier, form = _classifier(options), FORMATS[options.format]
    if options.format == "csv":
        streams.write_exactly()
    streams.write_output(form.header)
    status = 0
    for found in classify_files(classifier, find_images(options.images)):
        if isinstance(found, UserError):
            status = _fail("cifarlab classify", found, 2)
        else:
            streams.write_output(form.line(*found))
    return status


def _export(options: argparse.Namespace) -> int:
    from cifarlab.evaluation.classifier import export
    from cifarlab.monitoring.console import echo

    classifier = _classifier(options)
    path = export(classifier, options.directory)
    lines = [
        f"Wrote a SavedModel to {path}; its signature takes images, uint8{['any', *classifier.dataset.image_shape]}."
    ]
    if patterns := set("[\\") & set(path.absolute().as_posix()):
        lines += [
            f"TensorFlow cannot load a SavedModel from a path with {' or '.join(sorted(patterns))}; move it first."
        ]
    with streams.reporting(f"the SavedModel was written to {path}"):
        echo("\n".join(lines))
    return 0


def _classifier(options: argparse.Namespace) -> "Classifier":
    """Loads the run in --checkpoint-dir; without that option and without a default run, the pretrained network."""
    from cifarlab.evaluation.classifier import described_dataset, load_classifier, pretrained_classifier
    from cifarlab.model import pretrained_weights
    from cifarlab.training.checkpoints import latest_checkpoint

    config = _config(EvalConfig, options)
    dataset = None if config.dataset is None else described_dataset(config.dataset)
    if "checkpoint_dir" in options or latest_checkpoint(config.checkpoint_dir) is not None:
        classifier = load_classifier(config.checkpoint_dir, averaged=config.moving_average, dataset=dataset)
        _warn(classifier.warnings)
        return classifier
    if dataset is not None:
        raise UserError(
            f"--dataset describes a run, but there is no checkpoint in {config.checkpoint_dir}. Pass --checkpoint-dir, "
            "or omit --dataset to use the pretrained weights."
        )
    precision = pretrained_weights.training_record()["precision_at_1"]
    instead = f"using the pretrained weights, which classify {precision:.1%} of CIFAR-10's test images correctly"
    notice = f"No checkpoint in {config.checkpoint_dir}; {instead}."
    if getattr(options, "format", "text") == "text":
        streams.write_output(f"{sanitize(notice)}\n")
    else:  # a program reads stdout
        streams.write_error(sanitize(notice))
    return pretrained_classifier()


def _data(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.monitoring.console import DownloadProgressBar, ImageProgressBar, echo, warn_if_imbalanced

    data_command.check_options(options)
    if options.output_dir is not None:
        with ImageProgressBar() as progress:
            dataset = data_command.create(options, progress)
    else:
        config = _config(TrainConfig, options)
        dataset = registry.load(options.name, config.data_dir, force=options.force, progress=DownloadProgressBar())
    train, test = dataset.num_examples("train"), dataset.num_examples("test")
    held = f", {dataset.num_examples('validation'):,} validation" if dataset.validation_files else ""
    directory = dataset.train_files[0].parent
    with streams.reporting(f"the dataset is complete in {directory}"):
        if dataset.summary:
            echo(dataset.summary)
        echo(f"{dataset.name}: {train:,} training{held} and {test:,} test images in {directory}")
        warn_if_imbalanced(dataset)
    return 0


def _assignments(options: argparse.Namespace) -> int:
    from cifarlab.monitoring.console import echo

    return assignments_command.run(options, echo)


def _doctor(options: argparse.Namespace) -> int:
    from cifarlab import doctor

    streams.write_output(doctor.format_report(doctor.diagnose(_config(TrainConfig, options).data_dir)) + "\n")
    return 0


COMMANDS = {
    "train": (_train, "train the network; an existing run in train_dir is resumed"),
    "multi-gpu": (_train, "train on two or more GPUs, one tower each (same as `train --num-gpus 2`)"),
    "eval": (_eval, "print precision @ 1 of a run's latest checkpoint, and of each new one as it is saved"),
    "classify": (_classify, "print the three most probable classes of each image, also of those in directories"),
    "export": (_export, "export a trained network as a SavedModel, for TensorFlow Lite and other programs"),
    "data": (_data, "download or generate a dataset now, or create one from your own images"),
    "assignments": (_assignments, "release the exercises to a class and grade the submissions"),
    "doctor": (_doctor, "check packages, datasets and devices, and say what to do about missing ones"),
}


@functools.cache
def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="cifarlab",
        description="Convolutional networks on CIFAR-10: train, evaluate, use.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cifarlab {importlib.metadata.version('cifarlab')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    by_name = {
        name: commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            allow_abbrev=False,
        )
        for name, (_, text) in COMMANDS.items()
    }
    _add_settings(by_name["train"], TrainConfig())
    _add_settings(by_name["multi-gpu"], TrainConfig(**MULTI_GPU_SETTINGS))
    for name in ("train", "multi-gpu"):
        text = "a preset; options given explicitly override it (default: tutorial)"
        by_name[name].add_argument("--recipe", choices=list(RECIPES), default="tutorial", help=text)
    _add_settings(by_name["eval"], EvalConfig())
    _add_classify_arguments(by_name["classify"])
    by_name["export"].add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="a new directory for the SavedModel"
    )
    text = "cifar10, drawn, svhn, svhn_extra or street_digits; or, with --as, a directory of your own images"
    by_name["data"].add_argument("name", metavar="NAME", help=text)
    by_name["data"].add_argument("--force", action="store_true", help="download or regenerate even if the files exist")
    data_command.add_arguments(by_name["data"])
    assignments_command.add_arguments(by_name["assignments"], _Parser)
    for name in ("classify", "export"):
        _add_settings(by_name[name], EvalConfig(), only=("checkpoint_dir", "dataset", "moving_average"))
    for name in ("data", "doctor"):
        _add_settings(by_name[name], TrainConfig(), only=("data_dir",))
    return parser, by_name


def _add_classify_arguments(parser: argparse.ArgumentParser) -> None:
    text = "an image file, or a directory, whose images are classified, also those in its subdirectories"
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=text)
    formats = parser.add_mutually_exclusive_group()
    for name, text in (("json", "print a JSON object per image"), ("csv", "print CSV (RFC 4180) with a header")):
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, default="text", help=text)


def _add_settings(parser: argparse.ArgumentParser, config: TrainConfig | EvalConfig, only: Sequence[str] = ()) -> None:
    """Adds an option for each field of a config, with the field's name (in dashes) and help text.

    The parser sets only the options that are given, so that a recipe can set the others.
    """
    for field in dataclasses.fields(config):
        if only and field.name not in only:
            continue
        default = getattr(config, field.name)
        text = field.metadata["help"].replace("%", "%%")
        kinds = typing.get_args(field.type) if isinstance(field.type, types.UnionType) else (field.type,)
        if bool in kinds:
            name = f"{'no-' if default else ''}{field.name}".replace("_", "-")
            action = "store_false" if default else "store_true"
            text = f"do not {text}" if default else text
            parser.add_argument(f"--{name}", dest=field.name, action=action, default=argparse.SUPPRESS, help=text)
        else:
            choices = field.metadata["choices"]
            parser.add_argument(
                f"--{field.name.replace('_', '-')}",
                type=kinds[0],
                default=argparse.SUPPRESS,
                metavar=f"{{{','.join(choices)}}}" if choices else kinds[0].__name__.upper(),
                help=f"{text} (default: {default})" if default is not None else text,
            )


def _config(
    kind: type[Settings], options: argparse.Namespace, otherwise: Mapping[str, Any] = types.MappingProxyType({})
) -> Settings:
    """Returns the config for the options given; `otherwise` sets the other fields, and the defaults the rest."""
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind) if field.name in options}
    return kind.from_dict({**otherwise, **given})


def _warn(warnings: Sequence[str]) -> None:
    """Prints warnings to stderr, so that the result on stdout stays the same."""
    for warning in warnings:
        streams.write_error(f"Warning: {sanitize(warning)}")


def _fail(program: str, error: Exception, status: int) -> int:
    """Prints an error as one line."""
    text = sanitize(" ".join(str(error).split())) or type(error).__name__
    streams.write_error(f"{program}: {text}")
    return status
