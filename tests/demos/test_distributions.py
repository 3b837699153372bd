import numpy as np
import pytest

from cifarlab.config import TrainConfig
from cifarlab.demos.distributions import MAX_SAMPLES, DistributionRecorder, percentile_bands, percentiles
from cifarlab.plotting import figures
from cifarlab.training.loop import train

LAYERS = ["conv1", "conv2", "local3", "local4", "softmax_linear"]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory, drawn):
    recorder = DistributionRecorder(every=2)
    folder = str(tmp_path_factory.mktemp("run"))
    train(
        TrainConfig(dataset="drawn", train_dir=folder, max_steps=4, batch_size=8), dataset=drawn, observers=[recorder]
    )
    return recorder


def test_each_layer_is_recorded_every_n_steps(recorder):
    assert recorder.steps == [0, 2]
    for kept in (recorder.weights, recorder.gradients, recorder.activations):
        assert list(kept) == LAYERS
        assert {np.shape(rows) for rows in kept.values()} == {(2, 9)}


def test_percentiles_rise_and_weights_are_recorded_before_the_update(recorder):
    for rows in recorder.weights.values():
        assert (np.diff(rows, axis=1) >= 0).all()
    assert recorder.weights["conv1"][0][-1] == pytest.approx(0.1, abs=0.01)  # truncated at two deviations of 0.05


def test_sparsity_is_the_fraction_of_zeros_and_logits_have_none(recorder):
    assert all(0.3 < share < 0.7 for share in recorder.sparsity["local3"])
    assert recorder.sparsity["softmax_linear"] == [0.0, 0.0]


def test_the_latest_batch_is_kept_as_the_network_saw_it(recorder):
    assert recorder.images.shape == (8, 24, 24, 3)
    np.testing.assert_allclose(recorder.images.mean((1, 2, 3)), 0, atol=1e-5)
    assert recorder.labels.shape == (8,)


def test_a_sample_of_a_large_tensor_covers_all_channels():
    channels = np.arange(64.0)
    sampled = percentiles(np.broadcast_to(channels, [50 * MAX_SAMPLES // 64, 64]))
    np.testing.assert_allclose(
        sampled, np.percentile(channels, [0, 6.68, 15.87, 30.85, 50, 69.15, 84.13, 93.32, 100]), atol=1
    )


def test_distributions_are_bands_about_a_median():
    _, axes = figures.subplots(1, 2)
    rows = [np.arange(9.0), np.arange(9.0) * 2]
    percentile_bands(axes, [0, 10], {"conv1": rows, "conv2": rows}, y="weights")
    median = axes[0].get_lines()[0]
    assert median.get_xydata().tolist() == [[0, 4], [10, 8]]
    assert len(axes[0].collections) == 4
    assert [ax.get_ylabel() for ax in axes] == ["weights", ""]
