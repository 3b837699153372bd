"""For lesson 4: an observer that records the distributions of weights, gradients and activations."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cifarlab.backend import tf
from cifarlab.model.network import layers
from cifarlab.plotting import plots
from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord

PERCENTILES = (0.0, 6.68, 15.87, 30.85, 50.0, 69.15, 84.13, 93.32, 100.0)
"""The percentiles that TensorBoard draws; in a normal distribution, all but the ends are half a deviation apart."""

MAX_SAMPLES = 20_000
"""Larger tensors are sampled at between 20,000 and 40,000 values, which is enough to draw percentiles."""


PERCENTILE_BANDS = ((0, 8, 0.15), (1, 7, 0.25), (2, 6, 0.35), (3, 5, 0.5))
"""The bands to draw: indices of their lower and upper percentile, and their opacity."""


class DistributionRecorder(Observer):
    """Records the percentiles of each layer's weights, gradients and activations, and its sparsity, every N steps.

    Attributes:
        steps: the recorded steps.
        weights: by layer, the nine `PERCENTILES` of its weights for each of `steps`; `np.array` makes it [steps, 9].
        gradients: the same for the gradients of the total loss with respect to the weights.
        activations: the same for the layer's activations.
        sparsity: by layer, the fraction of its activations that are exactly zero for each of `steps`, 0 to 1.
        images: float32[B, 24, 24, 3], the latest recorded batch, as the network saw it.
        labels: int32[B], the labels of these images.
    """

    def __init__(self, every: int = 10) -> None:
        """Starts without any records.

        Args:
            every: steps between two records; each costs a forward pass.
        """
        self.every = every
        self.steps: list[int] = []
        self.weights: dict[str, list[np.ndarray]] = {}
        self.gradients: dict[str, list[np.ndarray]] = {}
        self.activations: dict[str, list[np.ndarray]] = {}
        self.sparsity: dict[str, list[float]] = {}
        self.images, self.labels = np.zeros([0]), np.zeros([0])

    def on_start(self, run: Run) -> None:
        """Finds the names of the layers."""
        self._names = [layer.name for layer in layers(run.state.network)]

    def wants_details(self, step: int) -> bool:
        """Returns true every `every` steps, starting with step 0."""
        return step % self.every == 0

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Records the percentiles and the sparsity of a step, and its batch."""
        self.steps.append(record.step)
        self.images, self.labels = details.images.numpy(), details.labels.numpy()
        for name in self._names:
            weights = f"{name}/weights"
            self.weights.setdefault(name, []).append(percentiles(details.variables[weights]))
            self.gradients.setdefault(name, []).append(percentiles(details.gradients[weights]))
            if hasattr(details.stages, name):
                activations = getattr(details.stages, name)
                self.activations.setdefault(name, []).append(percentiles(activations))
                self.sparsity.setdefault(name, []).append(float(tf.nn.zero_fraction(activations)))


def percentiles(values: tf.Tensor | np.ndarray) -> np.ndarray:
    """Returns the `PERCENTILES` of a tensor's values, computed from evenly spaced samples for large tensors.

    Args:
        values: float32 of any shape.

    Returns:
        float64[9], ascending.

    >>> percentiles(np.arange(101.0))[[0, 4, 8]].tolist()
    [0.0, 50.0, 100.0]
    """
    flat = np.ravel(values)
    # The stride is odd, because the number of channels is even: an even stride would always sample the same channels.
    return np.percentile(flat[:: flat.size // MAX_SAMPLES | 1], PERCENTILES)


def percentile_bands(
    axes: Sequence[Axes], steps: Sequence[int], layers: dict[str, Sequence[np.ndarray]], *, y: str
) -> None:
    """Draws how a distribution changes over the steps for each layer: bands between percentiles, and the median.

    Args:
        axes: one axes per layer.
        steps: the recorded steps.
        layers: percentiles [steps, 9] by layer, as recorded by `DistributionRecorder`.
        y: label of the y axis, with its unit.

    >>> from cifarlab.plotting import figures
    >>> figure, axes = figures.subplots(1, 2)
    >>> percentile_bands(axes, [0, 10], {"conv1": np.ones([2, 9]), "conv2": np.ones([2, 9])}, y="weights")
    >>> [ax.get_title(loc="left") for ax in axes]
    ['conv1', 'conv2']
    """
    for ax, (name, rows) in zip(axes, layers.items(), strict=True):
        values = np.asarray(rows)
        for low, high, alpha in PERCENTILE_BANDS:
            ax.fill_between(steps, values[:, low], values[:, high], color=COLORS[0], alpha=alpha, linewidth=0)
        plots.lines(ax, {}, title="", x="step", y=y if ax is axes[0] else "")
        ax.set_title(legend_label(name), loc="left", fontsize=9)
        ax.plot(steps, values[:, 4], color="black", linewidth=1.2, label="median")
        ax.axhline(0, color=MUTED_COLOR, linewidth=0.6, zorder=0, label="_zero")
