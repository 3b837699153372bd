"""All results that documents quote, with the recorded files that they come from.

`python -m tools.reported_results` prints them. A claim is a piece of text that contains the numbers of a record.
`tests/test_reported_results.py` checks that each claim is in its document, and that the documents contain no other
numbers. If a record or a text changes, the test fails until they agree again.
"""

import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "benchmarks" / "results"
PACKAGED = ROOT / "cifarlab" / "demos" / "recorded"
"""The records that lessons read, too."""
README, BENCHMARKS, RECIPES = "README.md", "benchmarks/README.md", "benchmarks/recipes.md"


class Claim(NamedTuple):
    """A piece of text with one or more numbers.

    Attributes:
        document: the path of the document in the repository.
        text: the text in the document, without line breaks and comment markers.
        source: the record in `benchmarks/results/` or `cifarlab/demos/recorded/`, or the test that measures the number
            again.
    """

    document: str
    text: str
    source: str


def record(name: str) -> Any:
    """Reads a record: JSON unchanged, or JSON lines by step, without the first line, which describes the machine."""
    text = (PACKAGED if (PACKAGED / name).exists() else RECORDED).joinpath(name).read_text()
    if not name.endswith(".jsonl"):
        return json.loads(text)
    return {line["step"]: line for line in map(json.loads, text.splitlines()[1:])}


def claims() -> Iterator[Claim]:
    """Yields all claims."""
    for name, some in SOURCES.items():
        for document, text in some():
            yield Claim(document, text, name)


def percent(share: float) -> str:
    """Formats a fraction as the documents do."""
    return f"{100 * share:.1f} %"


LABELS = {
    "cifarlab: fed_step": "cifarlab: the compiled step in a bare loop over the pipeline",
    "cifarlab: matrix_products": "matrix products",
    "cifarlab: pipeline": "cifarlab: pipeline alone",
    "cifarlab: step": "cifarlab: step alone",
    "cifarlab: plain_step": "cifarlab: step alone, plain operations",
    "cifarlab: evaluation": "cifarlab: evaluation, restoring and tracing included",
}
"""The names in the tables that differ from those in the record."""

RATIOS = {
    "cifarlab's training : textbook TensorFlow: training": "cifarlab's training : textbook TensorFlow's",
    "cifarlab's training : Keras fit: training": "cifarlab's training : Keras fit",
    "cifarlab's training : PyTorch: training": "cifarlab's training : PyTorch's",
}


def speed() -> Iterator[tuple[str, str]]:
    """Yields the results of `make bench` on the AMD EPYC."""
    found = record("speed.json")
    medians = {name: statistics.median(values) for name, values in found["speed"].items()}
    for name, values in found["speed"].items():
        yield BENCHMARKS, f"| {LABELS.get(name, name)} | {statistics.median(values):,.0f} |"
    for name, ratio in found["ratios"].items():
        if not name.startswith("cifarlab's step"):
            label = RATIOS.get(name, name)
            yield BENCHMARKS, f"| {label} | {ratio:.{1 if name.startswith('pipeline') else 2}f} |"
    for name, values in found["towers"].items():
        yield BENCHMARKS, f"| {name.replace('of 64', 'of 64, on the same two cores')}"
        yield BENCHMARKS, f"| {statistics.median(values):,.0f} |"
    one, two = found["towers"].values()
    less = 100 * (1 - statistics.median(a / b for a, b in zip(one, two, strict=True)))
    yield BENCHMARKS, f"the two towers take {less:.0f} % less time"
    yield "lessons/06_multi_gpu.py", f"of one and two towers on two cores: they differ by {less:.0f} %"
    for size in (32, 64, 128, 256, 512, 1024):
        threads = [statistics.median(found["batch sizes"][f"batch {size}, {n}"]) for n in ("one thread", "two threads")]
        yield BENCHMARKS, f"| batch {size} | {threads[0]:,.0f} | {threads[1]:,.0f} |"
    first, peak, same, five = (statistics.median(values) for values in found["processes"].values())
    yield BENCHMARKS, f"median of three | {first:.1f} s |"
    yield BENCHMARKS, f"| peak memory | {peak:,.0f} MB |"
    yield BENCHMARKS, f"the same queue | {same:,.0f} MB |"
    yield BENCHMARKS, f"a queue 5 times as large | {five:,.0f} MB |"
    fast = found["ratios"]["fast step : plain step"]
    yield "lessons/02_inference_graph.py", f"and {fast:.1f} times as fast on the two machines that we measured"
    products = medians["cifarlab: matrix_products"]
    yield BENCHMARKS, f"images/s at the measured {products:.0f} GFLOP/s"
    training = medians["cifarlab: training"]
    peers = [medians[f"{peer}: training"] for peer in ("textbook TensorFlow", "Keras fit", "PyTorch")]
    slower = "; ".join(f"{round(value, -1):.0f}" for value in peers)
    yield README, f"{round(training, -1):,.0f} images/s; in plain TensorFlow, Keras, PyTorch: {slower} images/s"
    ratios = [value for name, value in found["ratios"].items() if name.startswith("cifarlab's training")]
    yield (
        BENCHMARKS,
        (
            f"Training reaches {training:,.0f} images/s on two cores of an AMD EPYC without a GPU: {ratios[0]:.2f} "
            f"times plain TensorFlow, {ratios[1]:.2f} times Keras and {ratios[2]:.2f} times PyTorch"
        ),
    )


def _sentence(name: str) -> str:
    """Returns the sentence about a recording on another machine."""
    found = record(name)
    ratios = [f"{value:.2f}" for of, value in found["ratios"].items() if of.startswith("cifarlab's training")]
    training, fast = statistics.median(found["speed"]["cifarlab: training"]), found["ratios"]["fast step : plain step"]
    return (
        f"training reached {training:,.0f} images/s: {ratios[0]} times plain TensorFlow, {ratios[1]} times Keras "
        f"and {ratios[2]} times PyTorch; the fast step was {fast:.2f} times as fast as the plain one"
    )


def speed_avx512() -> Iterator[tuple[str, str]]:
    """Returns the claims about the AMD EPYC with AVX-512."""
    yield BENCHMARKS, _sentence("speed-avx512.json")


def speed_xeon() -> Iterator[tuple[str, str]]:
    """Returns the claims about the Intel Xeon."""
    yield BENCHMARKS, _sentence("speed-xeon.json")
    slowest, fastest = (
        record(name)["ratios"]["cifarlab's training : textbook TensorFlow: training"]
        for name in ("speed-xeon.json", "speed.json")
    )
    fast = record("speed-xeon.json")["ratios"]["fast step : plain step"]
    yield "lessons/02_inference_graph.py", f"a training step was {fast:.1f} and"
    yield README, f"{slowest:.2f} to {fastest:.2f} times as fast as the same training in plain TensorFlow"


def _along(line: dict[str, Any]) -> str:
    """The row of a run's table that belongs to one of its evaluations."""
    precisions = [percent(line[weights]["precision_at_1"]) for weights in ("averaged", "raw")]
    entropies = [f"{line[of]['cross_entropy']:.3f}" for of in ("averaged", "training_pictures_cropped_centrally")]
    return f"| {line['step']:,} | {line['minutes']:.1f} | {' | '.join([*precisions, *entropies])} |"


def tutorial() -> Iterator[tuple[str, str]]:
    """The recorded run of the tutorial's recipe."""
    found = record("tutorial.jsonl")
    for step in range(10_000, 70_000, 10_000):
        yield RECIPES, _along(found[step])
    last, early = found[60_000], found[6_000]
    precision, minutes = percent(last["averaged"]["precision_at_1"]), f"{last['minutes']:.0f} minutes"
    after_6000 = f"{percent(early['averaged']['precision_at_1'])} after 6,000 ({early['minutes']:.0f} minutes)"
    yield README, f"| {precision} after 60,000 steps ({minutes}), {after_6000} |"
    yield RECIPES, f"recipe reaches {precision} after 60,000 steps"
    yield RECIPES, f"So the precision of the tutorial's recipe after 60,000 steps, {precision}"
    yield RECIPES, f"two cores of an AMD EPYC, {minutes}"
    yield RECIPES, f"(The tutorial's {minutes} were measured"
    learnt = percent(last["training_pictures_cropped_centrally"]["precision_at_1"])
    yield RECIPES, f"correct answers of {learnt} against {precision}"
    reached = f"reached {precision} on the CIFAR-10 test images after 60,000 steps and {minutes} on two cores"
    yield "lessons/02_inference_graph.py", reached
    yield "lessons/03_loss_and_learning_rate.py", f"60,000 steps, {minutes} on two processor cores"
    yield "lessons/05_evaluation.py", f"on two processor cores, and reached {precision}"
    gains = [100 * (line["averaged"]["precision_at_1"] - line["raw"]["precision_at_1"]) for line in found.values()]
    along = f"{min(gains):.1f} to {max(gains):.1f} points lower during the run, and {gains[-1]:.1f} at its end"
    yield "lessons/05_evaluation.py", f"Here it is {along}"


def quick() -> Iterator[tuple[str, str]]:
    """The quick recipe with three seeds, and once for twice as long."""
    seeds = [record(f"quick-seed{seed}.jsonl") for seed in range(3)]
    for step in (6_000, 12_000, 18_000):
        pairs = [(run[step]["averaged"]["precision_at_1"], run[step]["raw"]["precision_at_1"]) for run in seeds]
        yield RECIPES, f"| {step:,} | {' | '.join(percent(value) for pair in pairs for value in pair)} |"
    last = [100 * run[18_000]["averaged"]["precision_at_1"] for run in seeds]
    yield README, f"| {min(last):.1f} to {max(last):.1f} % after 18,000 steps, with three seeds |"
    long = record("quick-long-seed0.jsonl")
    for step in (12_000, 24_000, 36_000):
        yield RECIPES, _along(long[step])
    yield RECIPES, f"takes {long[36_000]['minutes']:.0f} minutes on this machine"
    longest = percent(long[36_000]["averaged"]["precision_at_1"])
    yield RECIPES, f"reaches {min(last):.1f} to {max(last):.1f} % after 18,000 steps, and {longest} after 36,000"


VARIANTS = ("as it is", "adapted")


def _mean_at(lines: list[dict[str, Any]], variant: str, step: int) -> float:
    found = [line["precision_at_1"] for line in lines if (line["variant"], line["step"]) == (variant, step)]
    return 100 * statistics.mean(found)


def svhn() -> Iterator[tuple[str, str]]:
    """Yields the results on SVHN of the tutorial's network and of the one in exercise 6."""
    lines = list(map(json.loads, (RECORDED / "svhn.jsonl").read_text().splitlines()))
    last = {(line["variant"], line["seed"]): 100 * line["precision_at_1"] for line in lines}  # a run's last line
    before, after = ([last[variant, seed] for seed in range(5)] for variant in VARIANTS)
    gains = [b - a for a, b in zip(before, after, strict=True)]
    for seed in range(5):
        yield RECIPES, f"| {seed} | {before[seed]:.1f} % | {after[seed]:.1f} % | {gains[seed]:.1f} |"
    along = [[_mean_at(lines, variant, step) for variant in VARIANTS] for step in (1_000, 2_000, 3_000)]
    told = "; ".join(f"step {n + 1},000: {a:.1f} % and {b:.1f} %" for n, (a, b) in enumerate(along))
    yield RECIPES, f"means of the five seeds: {told}."
    means, spreads = ([function(x) for x in (before, after, gains)] for function in (statistics.mean, statistics.stdev))
    yield RECIPES, f"| mean | {means[0]:.1f} % | {means[1]:.1f} % | {means[2]:.1f} |"
    yield RECIPES, f"| standard deviation | {spreads[0]:.2f} | {spreads[1]:.2f} | {spreads[2]:.2f} |"
    for name, values in (("before", before), ("after", after)):
        text = f"recorded_{name} = np.array([{', '.join(f'{value:.2f}' for value in values)}])"
        yield "lessons/exercises/06_svhn.py", text


def recipes() -> Iterator[tuple[str, str]]:
    """Yields the results of ideas for the quick recipe on held-out images."""
    found = record("recipes.json")
    for epochs in ("16 epochs", "40 epochs"):
        for idea, values in found[epochs].items():
            held_out, raw, *entropies = values.values()
            yield RECIPES, f"| {idea} | {held_out:.1f} % | {raw:.1f} % | {entropies[0]:.3f} | {entropies[1]:.3f} |"


def dashboard() -> Iterator[tuple[str, str]]:
    """Yields the cost of a dashboard."""
    found = record("dashboard.json")
    for where in ("the kernel alone", "with the page shown on the same cores"):
        row = found[where]
        ratio = f"{row['ratio']:.3f} ({row['smallest']:.3f} to {row['largest']:.3f})"
        yield BENCHMARKS, f"| {where} | {row['without']:,.0f} | {row['with']:,.0f} | {ratio} | {row['rounds']} |"


def full_size() -> Iterator[tuple[str, str]]:
    """Yields memory and time with a dataset of SVHN's size."""
    rows = record("full_size.json")["rows"]
    for what, row in rows.items():
        memory = "" if row["MB"] is None else f" {row['MB']:,.0f} MB"
        seconds = "" if row["seconds"] is None else f" {row['seconds']:g}"
        yield RECIPES, f"| {what} |{memory} |{seconds} |"


def grading() -> Iterator[tuple[str, str]]:
    """Yields the results of grading a class of a hundred students."""
    found = record("grading.json")
    yield BENCHMARKS, f"graded in {found['minutes']} minutes, {found['seconds a notebook']} seconds per notebook"
    yield BENCHMARKS, f"pages took {found['seconds of feedback']} seconds more"
    yield "docs/instructors.md", f"{found['students']} solutions of exercise 1 took {found['minutes']:.0f} minutes"


def resuming() -> Iterator[tuple[str, str]]:
    """Yields the cost of resuming and of `--deterministic`."""
    found = record("resuming.json")
    for step, waits in found["seconds to the first batch"].items():
        yield BENCHMARKS, f"| the first batch from step {int(step):,} | {statistics.median(waits):.2f} s |"
    ratios = found["ratios"]
    yield BENCHMARKS, f"{statistics.median(ratios):.2f} times the speed ({min(ratios):.2f} to {max(ratios):.2f})"


SOURCES = {
    "speed.json": speed,
    "speed-avx512.json": speed_avx512,
    "speed-xeon.json": speed_xeon,
    "tutorial.jsonl": tutorial,
    "quick-seed*.jsonl": quick,
    "svhn.jsonl": svhn,
    "recipes.json": recipes,
    "dashboard.json": dashboard,
    "full_size.json": full_size,
    "grading.json": grading,
    "resuming.json": resuming,
}
"""The function that yields the claims of each record."""


NOTES = {
    RECIPES: [("Network, distortions and number of steps were chosen", "at twice the time)")],
}
"""The beginning and end of passages about experiments whose programs were not kept.

`benchmarks/optimization-notes.md` consists only of such passages.
"""

NO_RESULTS = {
    README: [
        "(2 to 4 minutes the first time)",  # the time of pip, mostly for downloads
        "3.13 and 4 GB of disk",  # the size of the installed packages, with some reserve
        "about 86 %",  # the tutorial's result, as all 86 % below
        "a download of 170 MB",  # a file's size
    ],
    BENCHMARKS: [
        "(about 20 minutes)",
        "about 1,330 images/s",  # arithmetic with the figure next to it
        "files 20 times as large",  # a setting
        "80,000 additional records in it are 246 MB",  # arithmetic
    ],
    RECIPES: [
        "the tutorial reports about 86 %",
        "distance to 86 %",
        "weights 500 times as small",  # the tutorial's early version
        "standard deviation of 0.6 points by chance",  # binomial
        "18.8 % of these test digits",  # a count, in tests/test_real_images.py
    ],
    "docs/cli.md": [
        "25 to 40 minutes on two cores",  # of make test-full
        "SVHN are 246 MB",  # a file's size
    ],
    "docs/instructors.md": [
        "gets 0 points",
        "A cell may take 120 s, a notebook 600 s, 4 GB of memory, 1 MB of output and 500 MB of files",  # settings
    ],
    "docs/grading-security.md": [
        "takes more than a minute, 2 GB of memory or 50 MB of disk",  # settings
    ],
}
"""Numbers with a unit that are not measured, or whose source is given in the text."""


def untold(document: str) -> str:
    """Returns the rest of a document without its claims, notes, other known numbers, and code blocks."""
    text = " ".join(re.sub(r"```.*?```", "", (ROOT / document).read_text(), flags=re.DOTALL).split())
    for begin, end in NOTES.get(document, ()):
        before, _, rest = text.partition(begin)
        text = before + rest.partition(end)[2]
    for known in [*(claim.text for claim in claims() if claim.document == document), *NO_RESULTS[document]]:
        text = text.replace(known, "...")
    return text


def words(document: str) -> str:
    """Returns a document's text without line breaks and comment markers, for the search of claims."""
    lines = (ROOT / document).read_text().splitlines()
    return " ".join(" ".join(line.removeprefix("# ") for line in lines).split())


def main() -> None:
    """Prints all claims with their sources."""
    print("| document | claim | source |\n| --- | --- | --- |")
    for claim in claims():
        print(f"| {claim.document} | {claim.text.strip('| ').replace('|', ';')} | {claim.source} |")


if __name__ == "__main__":
    main()
