"""Metrics of predictions: precision @ 1 and its confidence interval, confusion matrix, most confident mistakes."""

import numpy as np

NORMAL_95 = 1.959964
"""The number of standard deviations around the mean that contain 95 % of a normal distribution."""


def confusion_matrix(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts images by true class and predicted class.

    Args:
        logits: float32[N, num_classes], or probabilities.
        labels: int32[N] in 0 to num_classes - 1.

    Returns:
        int64[num_classes, num_classes]: one row per true class, one column per predicted class.

    >>> confusion_matrix(np.array([[9.0, 1.0], [9.0, 1.0], [1.0, 9.0]]), np.array([0, 1, 1])).tolist()
    [[1, 0], [1, 1]]
    """
    matrix = np.zeros([logits.shape[1]] * 2, np.int64)
    np.add.at(matrix, (labels, np.argmax(logits, axis=1)), 1)
    return matrix


def wilson_interval(num_correct: np.ndarray | int, total: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % confidence interval of a fraction, such as precision @ 1.

    For fractions p near 0.5, it is about p ± 2 sqrt(p (1 - p) / n). Unlike that formula, it never leaves the range 0 to
    1, and it is not empty if all images are classified correctly.

    Args:
        num_correct: int[...], the number of correctly classified images.
        total: int[...], the number of images, at least one.

    Returns:
        low, high: float[...], 0 to 1.

    >>> low, high = wilson_interval(8600, 10_000)
    >>> f"{low:.3f} to {high:.3f}"
    '0.853 to 0.867'
    """
    share, square = np.asarray(num_correct) / total, NORMAL_95**2
    middle = (share + square / (2 * np.asarray(total))) / (1 + square / total)
    reach = (
        NORMAL_95 * np.sqrt(share * (1 - share) / total + square / (4 * np.asarray(total) ** 2)) / (1 + square / total)
    )
    return np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)


def most_confident_mistakes(logits: np.ndarray, labels: np.ndarray, count: int = 12) -> np.ndarray:
    """Returns the indices of misclassified images, ordered by the probability of the predicted class, highest first.

    Args:
        logits: float32[N, num_classes].
        labels: int32[N].
        count: the maximum number of indices.

    Returns:
        int64[count], or fewer if there are fewer mistakes.

    >>> logits = np.array([[9.0, 0.0], [0.0, 5.0], [3.0, 0.0]])
    >>> most_confident_mistakes(logits, np.array([1, 1, 1])).tolist()
    [0, 2]
    """
    wrong = np.flatnonzero(np.argmax(logits, axis=1) != labels)
    surest = np.argsort(-softmax(logits[wrong]).max(axis=1, initial=0), kind="stable")
    return wrong[surest[:count]]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax of logits in float64; the values of each row are above zero and sum to 1.

    >>> softmax(np.zeros([1, 4])).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    with np.errstate(under="ignore"):  # the user may have made numpy raise for a power that is nearly zero
        powers = np.exp(logits - np.max(logits, axis=1, keepdims=True), dtype=np.float64)
        return powers / powers.sum(axis=1, keepdims=True)


def precision_at_1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Returns the fraction of images whose largest logit is the right class; of equal logits, the first counts.

    Args:
        logits: float32[N, num_classes].
        labels: int32[N].

    >>> precision_at_1(np.eye(4, 10), np.array([0, 1, 2, 9]))
    0.75
    """
    return float(np.mean(np.argmax(logits, axis=1) == labels))
