"""For lesson 4: an observer that keeps how weights, gradients and activations are distributed, step by step."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cifarlab.backend import tf
from cifarlab.model.network import layers
from cifarlab.plotting import plots
from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label
from cifarlab.training.observers import Observer, Run, StepDetails, StepRecord

PERCENTILES = (0.0, 6.68, 15.87, 30.85, 50.0, 69.15, 84.13, 93.32, 100.0)
"""TensorBoard's: for a normal distribution they lie half a standard deviation apart, the ends aside."""

MAX_SAMPLES = 20_000
"""Values of a tensor that are looked at, at most twice as many; enough for percentiles that one draws."""


PERCENTILE_BANDS = ((0, 8, 0.15), (1, 7, 0.25), (2, 6, 0.35), (3, 5, 0.5))
"""Of a distribution: from which to which of the nine percentiles, and how dense."""


class DistributionRecorder(Observer):
    """Keeps, every so many steps, the percentiles of each layer's weights, gradients and activations, and its sparsity.

    Attributes:
        steps: that were looked at.
        weights: by layer, for each of `steps` the nine `PERCENTILES` of its weights; `np.array` makes it [steps, 9].
        gradients: the same of the gradient of the total loss for the weights.
        activations: the same of what the layer hands on.
        sparsity: by layer, for each of `steps` the share of its activations that are exactly zero, 0 to 1.
        images: float32[B, 24, 24, 3], the latest batch that was looked at, as the network saw it.
        labels: int32[B], of these images.
    """

    def __init__(self, every: int = 10) -> None:
        """Has seen nothing yet.

        Args:
            every: steps between two looks; each costs a forward pass.
        """
        self.every = every
        self.steps: list[int] = []
        self.weights: dict[str, list[np.ndarray]] = {}
        self.gradients: dict[str, list[np.ndarray]] = {}
        self.activations: dict[str, list[np.ndarray]] = {}
        self.sparsity: dict[str, list[float]] = {}
        self.images, self.labels = np.zeros([0]), np.zeros([0])

    def on_start(self, run: Run) -> None:
        """Learns the layers' names; those that are also stages are looked at."""
        self._names = [layer.name for layer in layers(run.state.network)]

    def wants_details(self, step: int) -> bool:
        """Every `every` steps, the first included."""
        return step % self.every == 0

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Keeps the percentiles and the sparsity of a step, and its batch."""
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
    """The `PERCENTILES` of a tensor's values, or of some 20,000 of them, evenly spread, where there are more.

    Args:
        values: float32 of any shape.

    Returns:
        float64[9], rising.

    >>> percentiles(np.arange(101.0))[[0, 4, 8]].tolist()
    [0.0, 50.0, 100.0]
    """
    flat = np.ravel(values)
    # An odd stride: an even one would meet the same few channels again and again, their number being even.
    return np.percentile(flat[:: flat.size // MAX_SAMPLES | 1], PERCENTILES)


def percentile_bands(
    axes: Sequence[Axes], steps: Sequence[int], layers: dict[str, Sequence[np.ndarray]], *, y: str
) -> None:
    """Draws for each layer how a distribution moves over the steps: bands between percentiles, and the median.

    Args:
        axes: one for each layer.
        steps: that were looked at.
        layers: by name, [steps, 9], the percentiles that `DistributionRecorder` keeps.
        y: what the values are, with their unit.

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
