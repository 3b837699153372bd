"""Claims in the lessons' text that no cell prints. For results of recorded runs, see `tools/reported_results.py`."""

import json
import math
import re

import nbformat
import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.data.pipeline import distorted_inputs
from cifarlab.demos import recorded_runs
from cifarlab.demos.distributions import PERCENTILES
from cifarlab.demos.weight_averages import warmup_decay
from cifarlab.evaluation.metrics import wilson_interval
from cifarlab.model.network import ConvNet
from cifarlab.model.ops.convolution import TILE
from cifarlab.model.profile import count_parameters, multiply_adds
from cifarlab.training.schedule import decay_steps
from tools.build_notebooks import ROOT
from tools.reported_results import record

LESSONS = ROOT / "lessons"


def start_page():
    return (LESSONS / "00_start_here.py").read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in LESSONS.glob("0[1-7]_*.py")))
def test_the_start_page_has_each_lessons_minutes(name):
    listed = re.search(rf"^# \| \[{name}\]\({name}\.ipynb\) \| .* \| (\d+) \|$", start_page(), re.MULTILINE)
    said = re.search(r"\*\*Time\*\*: (\d+) minutes", (LESSONS / f"{name}.py").read_text())
    assert listed, f"00_start_here has no row for {name}"
    assert listed[1] == said[1]


def test_local3_has_the_share_of_parameters_stated_in_lesson_4():
    net = ConvNet()
    share = count_parameters(net.local3) / count_parameters(net)
    assert f"it holds {share:.0%} of all parameters".replace("%", " %") in (LESSONS / "04_training.py").read_text()


def test_the_percentile_bands_of_lesson_4():
    middles = [round(PERCENTILES[8 - place] - PERCENTILES[place]) for place in (3, 2, 1, 0)]
    assert middles == [38, 68, 87, 100]
    assert re.search(r"the middle 38, 68, 87 and 100\s#? ?%", (LESSONS / "04_training.py").read_text())


def test_the_warmup_of_averages_as_described_in_lesson_5():
    assert 0.9999**1000 > 0.9, "after 1,000 steps without a warm-up mostly initial weights"
    assert warmup_decay(0.9999)(60_000) < 0.9999, "60,000 steps end within the warm-up"
    for step in range(1, 241):
        assert warmup_decay(0.99)(step) == warmup_decay(0.999)(step) == warmup_decay(0.9999)(step)
    assert 1 / (1 - warmup_decay(0.9999)(890)) == pytest.approx(100)


def test_which_precisions_10_000_images_can_distinguish():
    (low, high), (_, below), (lower, higher) = (wilson_interval(right, 10_000) for right in (8600, 8400, 8550))
    assert below < low
    assert low < 0.855
    assert lower < 0.86 < higher < high


def test_112_images_counted_twice_change_the_precision_by_hundredths_of_a_point():
    points = 100 * 112 / 10_112 * (0.86 * 0.14 / 112) ** 0.5
    assert 0.01 < points < 0.1


def test_the_shares_of_parameters_and_work_stated_in_lesson_2():
    net, text = ConvNet(), (LESSONS / "02_inference_graph.py").read_text()
    work = multiply_adds(net)
    in_local3 = count_parameters(net.local3) / count_parameters(net)
    in_conv2 = work["conv2"] / sum(work.values())
    assert f"`local3` has {in_local3:.0%} of the parameters, `conv2` does {in_conv2:.0%}".replace("%", " %") in text
    assert f"{sum(work.values()):,}" in text
    assert f"{work['conv2']:,}" in text


def test_the_tutorials_19_5_million_equals_multiply_adds_plus_parameters_not_all_arithmetic():
    net = ConvNet()
    work = sum(multiply_adds(net).values())
    shapes = [math.prod(stage.shape[1:]) for stage in net.stages(tf.zeros([1, 24, 24, 3]))]
    conv1, pool1, norm1, conv2, norm2, pool2, *dense = shapes
    biases, squares, comparisons = conv1 + conv2 + sum(dense), 9 * (norm1 + norm2), 9 * (pool1 + pool2)
    assert round((work + biases + squares + comparisons) / 1e6, 1) == 18.8
    assert round((work + count_parameters(net)) / 1e6, 1) == 19.5


def test_minimal_filtering_needs_a_ninth_of_the_multiplications():
    assert TILE[5] ** 2 * 5 * 5 == 9 * (TILE[5] + 5 - 1) ** 2


@pytest.mark.parametrize("seed", range(3))
def test_how_little_normalization_changes_in_lesson_2(seed, drawn):
    images, _ = next(iter(distorted_inputs(drawn, seed=seed)))
    stages = ConvNet(seed=seed).stages(images)
    factor = (stages.norm1 / stages.pool1)[stages.pool1 > 0].numpy()
    assert factor.min() > 0.98
    assert np.median(factor) > 0.998


def test_the_losses_from_weight_decay_alone_in_lesson_3():
    mean_square = 0.04**2 * 0.7737
    at_0 = 0.004 / 2 * 958_464 * mean_square
    at_50 = at_0 * (1 - 0.1 * 0.004) ** 100
    assert (round(at_0, 3), round(at_50, 3)) == (2.373, 2.280)
    assert (round(math.log(10) + at_0, 3), round(math.log(10) + at_50, 3)) == (4.676, 4.583)
    assert at_0 > math.log(10), "more than half of the loss is decay"


def test_in_the_recorded_run_the_weights_shrink_for_several_thousand_steps_and_then_stay():
    _, lines = recorded_runs.tutorial()
    decay = {line["step"]: line["training"]["local3/weight_loss"] for line in lines}
    assert min(decay, key=decay.get) in range(4000, 10_000)
    assert max(value for step, value in decay.items() if step > 6000) < 1.5 * min(decay.values())


def test_the_published_runs_end_before_the_first_drop_of_the_learning_rate():
    assert decay_steps() == 136_718 > 100_000


def test_in_lesson_6_only_the_claim_about_the_bug_is_false():
    """Two towers with the same images do not make the update of the whole batch; everything else printed is true."""
    notebook = nbformat.read(ROOT / "notebooks" / "06_multi_gpu.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    lines = "".join(output.get("text", "") for output in outputs).splitlines()
    assert [line for line in lines if line.endswith("False")] == ["with the bug, same update as with 128 images: False"]
    assert sum(line.endswith("True") for line in lines) >= 10


def recorded_precisions(name, kind, steps):
    """Returns precisions in % from the log of a recorded run."""
    by_step = record(f"{name}.jsonl")
    return [100 * by_step[step][kind]["precision_at_1"] for step in steps]


@pytest.mark.parametrize("kind", ["raw", "averaged"])
def test_exercise_4_contains_the_recorded_precisions(kind):
    text = (LESSONS / "exercises" / "04_without_averages.py").read_text()
    tutorial = json.loads(re.search(rf"^tutorial_{kind} = np.array\((\[.*?\])\)", text, re.MULTILINE)[1])
    wanted = recorded_precisions("tutorial", kind, range(10_000, 70_000, 10_000))
    np.testing.assert_allclose(tutorial, wanted, atol=0.051)
    quick = json.loads(re.search(rf"^quick_{kind} = np.array\((\[\[.*?\]\])\)", text, re.MULTILINE)[1])
    wanted = [recorded_precisions(f"quick-seed{seed}", kind, (6_000, 12_000, 18_000)) for seed in range(3)]
    np.testing.assert_allclose(quick, wanted, atol=0.051)


def test_the_multiply_adds_of_locally_connected_top_layers_in_lesson_2():
    work = multiply_adds(ConvNet())
    local = 36 * 9 * 64 * (64 + 32) + 6 * 6 * 32 * 10
    assert f"{work['conv1'] + work['conv2'] + local:,}" in (LESSONS / "02_inference_graph.py").read_text()
