"""Figures of an evaluation: confusion matrix, accuracy per class, misclassified images, class probabilities."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from cifarlab.evaluation.metrics import softmax, wilson_interval
from cifarlab.plotting import plots
from cifarlab.plotting.figures import COLORS, MUTED_COLOR, class_labels, legend_label

_BLUES = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", COLORS[0]])


def confusion(ax: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Draws a confusion matrix in percent, with one row per true class and one column per predicted class.

    Args:
        ax: the axes to draw on.
        matrix: int[C, C], as `confusion_matrix` returns; a row without images stays empty.
        classes: the class names.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> confusion(ax, np.array([[3, 1], [0, 4]]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['75', '25', '', '100']
    """
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(percent, cmap=_BLUES, vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        color = "white" if value > 55 else "black"
        text = f"{value:.0f}" if value >= 0.5 else ""
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=color)
    names = class_labels(classes)
    ax.set_xticks(range(len(names)), names, rotation=35, ha="left", rotation_mode="anchor", fontsize=9)
    ax.set_yticks(range(len(names)), names, fontsize=9)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("What is mistaken for what?", loc="left", fontsize=11)
    ax.set_xlabel("predicted class (% of the row)", labelpad=10)
    ax.set_ylabel("true class")


def per_class_accuracy(ax: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Draws the accuracy of each class as a bar with a 95 % confidence interval, and the overall accuracy as a line.

    Args:
        ax: the axes to draw on.
        matrix: int[C, C], as `confusion_matrix` returns.
        classes: the class names.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> per_class_accuracy(ax, np.array([[3, 1], [0, 4]]), ["cat", "dog"])
    >>> [bar.get_height().item() for bar in ax.patches]
    [75.0, 100.0]
    """
    right, of = np.diag(matrix), np.maximum(matrix.sum(axis=1), 1)
    low, high = wilson_interval(right, of)
    errors = 100 * np.stack([right / of - low, high - right / of])
    shares = dict(zip(class_labels(classes), 100 * right / of, strict=True))
    plots.bars(ax, shares, title="Which classes are hard?", y="correct (%)", errors=np.maximum(errors, 0))
    ax.axhline(
        100 * right.sum() / max(matrix.sum(), 1), color=COLORS[1], linewidth=1.2, linestyle="--", label="all classes"
    )
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    ax.set_ylim(0, 100)
    ax.tick_params(axis="x", labelrotation=25)


def misclassified(
    ax: Axes, images: np.ndarray, logits: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, columns: int = 6
) -> None:
    """Draws misclassified images, each with its predicted class and probability above, and its true class below.

    Args:
        ax: the axes to draw on.
        images: uint8[N, rows, columns, 3].
        logits: float32[N, num_classes].
        labels: int32[N].
        classes: the class names.
        columns: images per row.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> misclassified(ax, np.zeros([1, 32, 32, 3], np.uint8), np.array([[9.0, 1.0]]), np.array([1]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['cat? 100 %', 'dog']
    """
    size, gap, room = images.shape[1], 3, images.shape[1] * 13 // 32  # room for two lines of text between rows
    down = size + room
    rows = -(-len(images) // columns)
    whole = np.full([max(rows, 1) * down, columns * (size + gap) - gap, 3], 255, np.uint8)
    names = class_labels(classes)
    for place, (image, shares) in enumerate(zip(images, softmax(logits), strict=True)):
        top, left = place // columns * down + room // 2, place % columns * (size + gap)
        whole[top : top + size, left : left + size] = image
        predicted = f"{names[shares.argmax()]}? {100 * shares.max():.0f} %"
        ax.text(left - 0.5, top - 1, predicted, va="bottom", fontsize=9)
        ax.text(left - 0.5, top + size, names[labels[place]], va="top", fontsize=9, color=MUTED_COLOR)
    ax.imshow(whole, interpolation="nearest")
    ax.set_axis_off()


def predictions(
    image_ax: Axes,
    bars_ax: Axes,
    image: np.ndarray,
    probabilities: Sequence[tuple[str, float]],
    classes: Sequence[str] = (),
) -> None:
    """Draws one image, and next to it the predicted probabilities of its classes.

    Args:
        image_ax: the axes for the image.
        bars_ax: the axes for the bars.
        image: uint8[rows, columns, 3].
        probabilities: (class, probability of 0 to 1), as `classify` returns them for one image.
        classes: all class names; gives their numbers to names that no font can draw.

    >>> from cifarlab.plotting import figures
    >>> figure, (left, right) = figures.subplots(1, 2)
    >>> predictions(left, right, np.zeros([32, 32, 3], np.uint8), [("ship", 0.75), ("truck", 0.25)])
    >>> [f"{bar.get_width():g}" for bar in right.patches]
    ['75', '25']
    """
    image_ax.imshow(image, interpolation="nearest")
    image_ax.set_axis_off()
    names, values = zip(*probabilities, strict=True)
    bars_ax.barh(range(len(names)), [100 * value for value in values], color=COLORS[0])
    labels = dict(zip(classes, class_labels(classes), strict=True))
    bars_ax.set_yticks(range(len(names)), [labels.get(name, legend_label(name)) for name in names])
    bars_ax.invert_yaxis()
    bars_ax.set_xlim(0, 100)
    bars_ax.set_title("What does the network see?", loc="left", fontsize=11)
    bars_ax.set_xlabel("probability (%)")
    bars_ax.spines[["top", "right"]].set_visible(False)
    bars_ax.tick_params(labelsize=9, length=0)
