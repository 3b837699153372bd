"""Figures of how good a network is: what it confuses, class by class, and the mistakes that it was surest of."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from cifarlab.evaluation.metrics import softmax, wilson_interval
from cifarlab.plotting import plots
from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label

_BLUES = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", COLORS[0]])


def confusion(ax: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Draws a confusion matrix: a row for each class, what the network took its images for in its columns.

    Args:
        ax: where.
        matrix: int[C, C], as `confusion_matrix` returns; a row without images stays empty.
        classes: the classes' names.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> confusion(ax, np.array([[3, 1], [0, 4]]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['75', '25', '', '100']
    """
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(percent, cmap=_BLUES, vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        colour = "white" if value > 55 else "black"
        text = f"{value:.0f}" if value >= 0.5 else ""
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    names = list(map(legend_label, classes))
    ax.set_xticks(range(len(names)), names, rotation=35, ha="left", rotation_mode="anchor", fontsize=9)
    ax.set_yticks(range(len(names)), names, fontsize=9)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("What is mistaken for what?", loc="left", fontsize=11)
    ax.set_xlabel("the network says (% of the row)", labelpad=10)
    ax.set_ylabel("it is")


def per_class_accuracy(ax: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Draws the share of each class that is right as bars, with 95 % binomial intervals, and that of all as a line.

    Args:
        ax: where.
        matrix: int[C, C], as `confusion_matrix` returns.
        classes: the classes' names.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> per_class_accuracy(ax, np.array([[3, 1], [0, 4]]), ["cat", "dog"])
    >>> [bar.get_height().item() for bar in ax.patches]
    [75.0, 100.0]
    """
    right, of = np.diag(matrix), np.maximum(matrix.sum(axis=1), 1)
    low, high = wilson_interval(right, of)
    errors = 100 * np.stack([right / of - low, high - right / of])
    shares = dict(zip(classes, 100 * right / of, strict=True))
    plots.bars(ax, shares, title="Which classes are hard?", y="right (%)", errors=np.maximum(errors, 0))
    ax.axhline(
        100 * right.sum() / max(matrix.sum(), 1), color=COLORS[1], linewidth=1.2, linestyle="--", label="all classes"
    )
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    ax.set_ylim(0, 100)
    ax.tick_params(axis="x", labelrotation=25)


def misclassified(
    ax: Axes, images: np.ndarray, logits: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, columns: int = 6
) -> None:
    """Draws wrongly classified images; above each what the network said and how sure it was, below what it is.

    Args:
        ax: where.
        images: uint8[N, rows, columns, 3].
        logits: float32[N, num_classes].
        labels: int32[N].
        classes: the classes' names.
        columns: images in a row.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> misclassified(ax, np.zeros([1, 32, 32, 3], np.uint8), np.array([[9.0, 1.0]]), np.array([1]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['cat? 100 %', 'dog']
    """
    size, gap, room = images.shape[1], 3, images.shape[1] * 13 // 32  # between the rows there is room for two lines
    down = size + room
    rows = -(-len(images) // columns)
    whole = np.full([max(rows, 1) * down, columns * (size + gap) - gap, 3], 255, np.uint8)
    for place, (image, shares) in enumerate(zip(images, softmax(logits), strict=True)):
        top, left = place // columns * down + room // 2, place % columns * (size + gap)
        whole[top : top + size, left : left + size] = image
        said = f"{legend_label(classes[shares.argmax()])}? {100 * shares.max():.0f} %"
        ax.text(left - 0.5, top - 1, said, va="bottom", fontsize=9)
        ax.text(left - 0.5, top + size, legend_label(classes[labels[place]]), va="top", fontsize=9, color=MUTED_COLOR)
    ax.imshow(whole, interpolation="nearest")
    ax.set_axis_off()


def predictions(picture_ax: Axes, bars_ax: Axes, picture: np.ndarray, shares: Sequence[tuple[str, float]]) -> None:
    """Draws one picture, and beside it how probable the network holds each class.

    Args:
        picture_ax: for the picture.
        bars_ax: for the bars.
        picture: uint8[rows, columns, 3].
        shares: class and probability of 0 to 1, as `classify` returns them for one picture.

    >>> from cifarlab.plotting import figures
    >>> figure, (left, right) = figures.subplots(1, 2)
    >>> predictions(left, right, np.zeros([32, 32, 3], np.uint8), [("ship", 0.75), ("truck", 0.25)])
    >>> [f"{bar.get_width():g}" for bar in right.patches]
    ['75', '25']
    """
    picture_ax.imshow(picture, interpolation="nearest")
    picture_ax.set_axis_off()
    names, values = zip(*shares, strict=True)
    bars_ax.barh(range(len(names)), [100 * value for value in values], color=COLORS[0])
    bars_ax.set_yticks(range(len(names)), list(map(legend_label, names)))
    bars_ax.invert_yaxis()
    bars_ax.set_xlim(0, 100)
    bars_ax.set_title("What does the network see?", loc="left", fontsize=11)
    bars_ax.set_xlabel("probability (%)")
    bars_ax.spines[["top", "right"]].set_visible(False)
    bars_ax.tick_params(labelsize=9, length=0)
