"""The command line: arguments become a config, the config goes into one call."""

import argparse
import dataclasses
import datetime
import difflib
import importlib.metadata
import io
import os
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from cifarlab.config import RECIPES, EvalConfig, TrainConfig
from cifarlab.errors import NotFiniteError, UserError, WorkerLostError
from cifarlab.teaching.grading import cli as assignments_command
from cifarlab.text import sanitize

if TYPE_CHECKING:
    from cifarlab.evaluation.classifier import Classifier

Settings = TypeVar("Settings", TrainConfig, EvalConfig)

MULTI_GPU_SETTINGS: dict[str, Any] = {"num_gpus": 2}
"""What `multi-gpu` is, beside `train`."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and which options have a similar name."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split(" ")[0].split("=")[0]
        near = difflib.get_close_matches(unknown, self._option_string_actions, n=2)
        hint = f" Near: {', '.join(near)}." if near and message.startswith("unrecognized") else ""
        self.exit(2, f"{self.prog}: {sanitize(message)}.{hint} See {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit status: 0, 2 for bad input, 1 for a run that failed, 130 for Ctrl-C.

    Args:
        arguments: without the program's name; by default those of this process.
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
    """What the installed program `cifarlab` calls."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that a pipe or an old terminal cannot show ends no command
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    raise SystemExit(status)


def _train(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.monitoring.console import Console, DownloadProgressBar
    from cifarlab.monitoring.summaries import Summaries
    from cifarlab.training.control import Control
    from cifarlab.training.loop import train
    from cifarlab.training.run_dir import prepare_run_dir
    from cifarlab.training.strategies.strategy import check_tf_config

    towers = MULTI_GPU_SETTINGS if options.command == "multi-gpu" else {}
    config = _config(TrainConfig, options, {**RECIPES[options.recipe], **towers})
    # A download may take an hour: what else is wrong is said before.
    check_tf_config(config)
    prepare_run_dir(config)
    dataset = registry.load(config.dataset, config.data_dir, progress=DownloadProgressBar())
    control = Control()
    train(
        config,
        dataset=dataset,
        observers=[Console(), Summaries(config.summary_frequency)],
        control=control,
    )
    return 130 if control.stop_requested else 0


def _eval(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.evaluation.evaluator import evaluate, evaluate_repeatedly
    from cifarlab.monitoring.console import echo, evaluation_line
    from cifarlab.monitoring.summaries import EvaluationSummaries
    from cifarlab.training.checkpoints import latest_checkpoint, require_checkpoint

    config = _config(EvalConfig, options)
    if config.dataset is not None:
        registry.check_name(config.dataset)
    if config.run_once:
        require_checkpoint(config.checkpoint_dir)  # before a folder is made beside it
    run = Path(config.checkpoint_dir).absolute()
    summaries = EvaluationSummaries(config.eval_dir or run.with_name(f"{run.name}-eval"))
    if not config.run_once and latest_checkpoint(config.checkpoint_dir) is None:
        echo(f"No checkpoint in {config.checkpoint_dir} yet; looking again every {config.eval_interval_secs:g} s.")
    for evaluation in [evaluate(config)] if config.run_once else evaluate_repeatedly(config):
        _warn(evaluation.warnings)
        echo(evaluation_line(evaluation, config.moving_average, datetime.datetime.now()))
        summaries.write(evaluation)
    return 0


def _classify(options: argparse.Namespace) -> int:
    import numpy as np

    from cifarlab.data.image_files import read_image
    from cifarlab.evaluation.classifier import classify
    from cifarlab.monitoring.console import echo

    classifier = _classifier(options)
    shape = classifier.dataset.image_shape
    pictures = np.stack([read_image(path, shape) for path in options.pictures])
    for path, predictions in zip(options.pictures, classify(classifier, pictures), strict=True):
        echo(
            f"{sanitize(path)}: "
            + ", ".join(f"{prediction.name} {prediction.probability:.1%}" for prediction in predictions)
        )
    return 0


def _export(options: argparse.Namespace) -> int:
    from cifarlab.evaluation.classifier import export
    from cifarlab.monitoring.console import echo

    classifier = _classifier(options)
    folder = export(classifier, options.folder)
    echo(f"{folder}: a SavedModel; its signature takes images, uint8{['any', *classifier.dataset.image_shape]}.")
    if patterns := set("[\\") & set(folder.absolute().as_posix()):
        echo(f"TensorFlow cannot load a SavedModel from a path with {' or '.join(sorted(patterns))}: move it first.")
    return 0


def _classifier(options: argparse.Namespace) -> "Classifier":
    """The network of the run that was named or lies in the usual place, or else the one that cifarlab brings."""
    from cifarlab.evaluation.classifier import load_classifier, pretrained_classifier
    from cifarlab.model import pretrained_weights
    from cifarlab.monitoring.console import echo
    from cifarlab.training.checkpoints import latest_checkpoint

    config = _config(EvalConfig, options)
    if "checkpoint_dir" in options or latest_checkpoint(config.checkpoint_dir) is not None:
        classifier = load_classifier(config.checkpoint_dir, averaged=config.moving_average)
        _warn(classifier.warnings)
        return classifier
    right = pretrained_weights.training_record()["precision_at_1"]
    brought = f"taking the weights that come with cifarlab, right on {right:.1%} of CIFAR-10's test pictures"
    echo(f"No checkpoint in {config.checkpoint_dir}: {brought}.")
    return pretrained_classifier()


def _data(options: argparse.Namespace) -> int:
    from cifarlab.data import registry
    from cifarlab.monitoring.console import DownloadProgressBar, echo, warn_if_imbalanced

    config = _config(TrainConfig, options)
    dataset = registry.load(options.name, config.data_dir, force=options.force, progress=DownloadProgressBar())
    train, test = dataset.num_examples("train"), dataset.num_examples("test")
    echo(f"{dataset.name}: {train:,} training and {test:,} test pictures in {dataset.train_files[0].parent}")
    warn_if_imbalanced(dataset)
    return 0


def _assignments(options: argparse.Namespace) -> int:
    from cifarlab.monitoring.console import echo

    return assignments_command.run(options, echo)


def _doctor(options: argparse.Namespace) -> int:
    from cifarlab import doctor

    print(doctor.format_report(doctor.diagnose(_config(TrainConfig, options).data_dir)))
    return 0


COMMANDS = {
    "train": (_train, "train the network; an existing train_dir is continued"),
    "multi-gpu": (_train, "train with a tower on each of two or more GPUs: `train --num-gpus 2`"),
    "eval": (_eval, "print precision @ 1 of a run's newest checkpoint, again when there is a newer one"),
    "classify": (_classify, "name the three most probable classes of any picture"),
    "export": (_export, "write a trained network as a SavedModel for TensorFlow Lite and other programs"),
    "data": (_data, "fetch or draw a data set now"),
    "assignments": (_assignments, "release the exercises to a class, grade what comes back"),
    "doctor": (_doctor, "say what is installed, which data are there, and what to do about what is missing"),
}


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
        text = "settings that belong together; one that is given beside it counts instead (default: tutorial)"
        by_name[name].add_argument("--recipe", choices=list(RECIPES), default="tutorial", help=text)
    _add_settings(by_name["eval"], EvalConfig())
    by_name["classify"].add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="any picture file")
    by_name["export"].add_argument("folder", type=Path, metavar="FOLDER", help="a new folder for the SavedModel")
    by_name["data"].add_argument("name", metavar="NAME", help="cifar10, drawn, svhn, svhn_extra or street_digits")
    by_name["data"].add_argument("--force", action="store_true", help="fetch or draw anew even if it is there")
    assignments_command.add_arguments(by_name["assignments"], _Parser)
    for name in ("classify", "export"):
        _add_settings(by_name[name], EvalConfig(), only=("checkpoint_dir", "moving_average"))
    for name in ("data", "doctor"):
        _add_settings(by_name[name], TrainConfig(), only=("data_dir",))
    return parser, by_name


def _add_settings(parser: argparse.ArgumentParser, config: TrainConfig | EvalConfig, only: Sequence[str] = ()) -> None:
    """Adds a flag for each field of a config: its name with dashes, its reason as help.

    The parser sets only what was given, so that a recipe can say the rest.
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
    """The config that the flags describe; what was not given is as in `otherwise`, or else the default."""
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind) if field.name in options}
    return kind.from_dict({**otherwise, **given})


def _warn(warnings: Sequence[str]) -> None:
    """Prints what a person should know beside a result, without changing the result's output."""
    for warning in warnings:
        print(f"Warning: {sanitize(warning)}", file=sys.stderr)


def _fail(program: str, error: Exception, status: int) -> int:
    """Prints an error as one line."""
    text = sanitize(" ".join(str(error).split())) or type(error).__name__
    print(f"{program}: {text}", file=sys.stderr)
    return status
