"""`make bench`: measures the speed and memory of cifarlab on this machine, and of alternatives to it.

Results depend on the machine and its load. Therefore all programs are measured in turn in every round, and the tables
show medians. For comparison, they include the speed of matrix products on this machine.
"""

import argparse
import contextlib
import importlib.util
import json
import statistics
from collections.abc import Callable, Iterator

from benchmarks.batch_sizes import SIZES
from benchmarks.contenders import Contender
from benchmarks.machine import machine
from benchmarks.startup_and_memory import first_step, peak_memory
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet
from cifarlab.model.network import ConvNet
from cifarlab.model.profile import multiply_adds
from cifarlab.monitoring.console import echo

Figures = dict[str, list[float]]
Candidates = dict[str, Callable[[], float]]


def rounds(candidates: Candidates, count: int, *, warm_up: bool = True) -> Figures:
    """Calls each candidate once per round, in turn; the first round is a warm-up and its results are discarded."""
    kept: Figures = {name: [] for name in candidates}
    for number in range(-warm_up, count):
        for name, measure in candidates.items():
            figure = measure()
            if number >= 0:
                kept[name].append(figure)
    return kept


@contextlib.contextmanager
def contenders(**programs: tuple[str, ...]) -> Iterator[dict[str, Contender]]:
    """Starts programs, yields them by name, and ends them."""
    with contextlib.ExitStack() as stack:
        started = {}
        for name, (module, *arguments) in programs.items():
            started[name] = Contender(module, *arguments)
            stack.callback(started[name].close)
        yield started


def speed(dataset: DataSet, data_dir: str | None, count: int) -> Figures:
    """Measures cifarlab, its parts and the baselines in alternating rounds; images/s."""
    files = tuple(map(str, dataset.train_files))
    programs = {
        "cifarlab": ("benchmarks.cifarlab_programs", dataset.name, *([data_dir] if data_dir else [])),
        "textbook TensorFlow": ("benchmarks.baselines.textbook", *files),
        "Keras fit": ("benchmarks.baselines.keras_fit", *files),
    }
    if importlib.util.find_spec("torch"):
        programs["PyTorch"] = ("benchmarks.baselines.pytorch", *files)
    else:
        echo("PyTorch is not measured: torch is not installed (`pip install torch`).")
    with contenders(**programs) as started:
        own = ("matrix_products", "pipeline", "step", "plain_step", "evaluation")
        candidates = {"cifarlab: fed_step": _measurement(started["cifarlab"], "fed_step")}
        for name, contender in started.items():
            candidates[f"{name}: training"] = _measurement(contender, "training")
            if name != "cifarlab":
                candidates[f"{name}: step alone"] = _measurement(contender, "step")
        candidates |= {f"cifarlab: {what}": _measurement(started["cifarlab"], what) for what in own}
        return rounds(candidates, count)


def batch_sizes(count: int) -> Figures:
    """Measures the step alone for each batch size, with one and two threads; images/s."""
    with contenders(one=("benchmarks.batch_sizes", "1"), two=("benchmarks.batch_sizes", "2")) as started:
        return rounds(
            {
                f"batch {size}, {name} thread{'s' * (name == 'two')}": _measurement(contender, str(size))
                for size in SIZES
                for name, contender in started.items()
            },
            count,
        )


def tower_cost(count: int) -> Figures:
    """Measures one tower of 128 images and two of 64 on the same cores; images/s."""
    with contenders(towers=("benchmarks.towers",)) as started:
        names = {"one tower of 128": "one", "two towers of 64": "two"}
        return rounds({name: _measurement(started["towers"], what) for name, what in names.items()}, count)


def whole_processes(name: str, data_dir: str | None, count: int) -> Figures:
    """Measures the seconds to the first step, and peak memory in MB, also with files 20 times as large."""
    figures = rounds({"first step, seconds": lambda: first_step(name, data_dir)}, count, warm_up=False)
    memory = {
        "peak memory, MB": lambda: peak_memory(name, data_dir),
        "peak memory, MB, files 20 times as large, same queue": lambda: peak_memory(
            name, data_dir, copies=20, queue=0.02
        ),
        "peak memory, MB, files 20 times as large, queue 5 times": lambda: peak_memory(
            name, data_dir, copies=20, queue=0.1
        ),
    }
    return figures | rounds(memory, 1, warm_up=False)


def _measurement(contender: Contender, what: str) -> Callable[[], float]:
    return lambda: contender.measure(what)


def operations_per_image() -> float:
    """Returns the float32 operations of the forward and backward pass of one image: 2 per multiply-add, in 3 passes.

    conv1 needs no gradient of its input. The fast convolution computes conv2 with a ninth of these operations.
    """
    by_layer = multiply_adds(ConvNet())
    return 2 * (3 * sum(by_layer.values()) - by_layer["conv1"])


def table(title: str, figures: Figures) -> None:
    """Prints figures as a Markdown table."""
    echo(f"\n| {title} | median | smallest | largest |\n| --- | ---: | ---: | ---: |")
    for name, values in figures.items():
        digits = 1 if statistics.median(values) < 100 else 0
        cells = (f"{f(values):,.{digits}f}" for f in (statistics.median, min, max))
        echo(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")


def ratios(figures: Figures) -> dict[str, float]:
    """Returns the medians of the ratios of each round."""

    def ratio(above: str, below: str) -> float:
        return statistics.median(a / b for a, b in zip(figures[above], figures[below], strict=True))

    training = "cifarlab: training"
    limit = statistics.median(figures["cifarlab: matrix_products"]) * 1e9 / operations_per_image()
    peers = [name for name in figures if not name.startswith("cifarlab")]
    return {
        **{f"cifarlab's training : {name}": ratio(training, name) for name in peers if name.endswith("training")},
        **{f"cifarlab's step : {name}": ratio("cifarlab: step", name) for name in peers if name.endswith("alone")},
        "fast step : plain step": ratio("cifarlab: step", "cifarlab: plain_step"),
        "pipeline : training": ratio("cifarlab: pipeline", training),
        "training : the compiled step in a bare loop over the pipeline": ratio(training, "cifarlab: fed_step"),
        "training : what matrix products would allow with direct convolutions": statistics.median(figures[training])
        / limit,
    }


def main() -> None:
    """Measures everything and prints tables; with --json, also writes a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="drawn", help="cifar10 or drawn; the speed is the same")
    parser.add_argument("--data-dir", default=None, help="directory of the datasets")
    parser.add_argument("--rounds", type=int, default=3, help="rounds after the warm-up; their medians are printed")
    parser.add_argument("--json", default=None, help="output file for the results of every round")
    options = parser.parse_args()
    dataset = registry.load(options.dataset, options.data_dir)
    echo(f"{machine()}; {dataset.name}; medians of {options.rounds} alternating rounds")
    figures = speed(dataset, options.data_dir, options.rounds)
    table("images/s (matrix products: GFLOP/s)", figures)
    compared = ratios(figures)
    echo("\n| ratio | median of the rounds |\n| --- | ---: |")
    for name, value in compared.items():
        echo(f"| {name} | {value:.2f} |")
    towers = tower_cost(2 * options.rounds + 1)
    table("towers, images/s", towers)
    cost = statistics.median(one / two for one, two in zip(*towers.values(), strict=True))
    echo(f"\nTwo towers of 64 take {cost:.2f} times as long as one of 128.")
    scaled = batch_sizes(options.rounds)
    table("step alone, images/s", scaled)
    whole = whole_processes(options.dataset, options.data_dir, options.rounds)
    table("separate process", whole)
    if options.json:
        everything = {"speed": figures, "towers": towers, "batch sizes": scaled, "processes": whole}
        with open(options.json, "w") as file:
            json.dump({"machine": machine(), "dataset": dataset.name, "ratios": compared, **everything}, file, indent=1)


if __name__ == "__main__":
    main()
