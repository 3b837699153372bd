import numpy as np
import pytest

from cifarlab.evaluation.metrics import (
    confusion_matrix,
    most_confident_mistakes,
    precision_at_1,
    softmax,
    wilson_interval,
)

LOGITS = np.array([[5, 0, 0], [0, 5, 0], [0, 9, 0], [0, 0, 1], [3, 0, 0]], np.float32)
LABELS = np.array([0, 1, 0, 1, 2])


def test_rows_are_true_and_columns_predicted_classes():
    assert confusion_matrix(LOGITS, LABELS).tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]


def test_the_diagonal_is_what_precision_counts():
    matrix = confusion_matrix(LOGITS, LABELS)
    assert np.trace(matrix) / matrix.sum() == precision_at_1(LOGITS, LABELS)


def test_a_class_that_is_never_predicted_keeps_its_row_and_column():
    assert confusion_matrix(np.eye(4, 10), np.zeros(4, int)).shape == (10, 10)


def test_mistakes_are_ordered_by_confidence():
    assert most_confident_mistakes(LOGITS, LABELS).tolist() == [2, 4, 3]
    assert most_confident_mistakes(LOGITS, LABELS, 1).tolist() == [2]


def test_confidence_is_the_probability_and_not_the_logit():
    logits = np.array([[9.0, 8.9], [1.0, -3.0]])
    assert most_confident_mistakes(logits, np.array([1, 1])).tolist() == [1, 0]


def test_no_mistakes_give_no_indices():
    assert most_confident_mistakes(np.eye(3), np.arange(3)).tolist() == []


def test_probabilities_survive_large_logits():
    assert softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize(("right", "low", "high"), [(0, 0.0, 0.278), (5, 0.237, 0.763), (10, 0.722, 1.0)])
def test_intervals_are_wilsons(right, low, high):
    assert wilson_interval(right, 10) == pytest.approx((low, high), abs=1e-3)


def test_the_interval_holds_the_truth_19_times_in_20():
    right = np.random.default_rng(0).binomial(200, 0.8, size=20_000)
    low, high = wilson_interval(right, 200)
    assert np.mean((low <= 0.8) & (high >= 0.8)) == pytest.approx(0.95, abs=0.015)
