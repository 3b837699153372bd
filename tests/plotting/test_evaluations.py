import numpy as np
import pytest

from cifarlab.plotting import evaluations, figures

CLASSES = ["cat", "dog", "ship"]
MATRIX = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])


@pytest.fixture
def ax():
    return figures.subplots()[1][0]


def test_a_confusion_matrix_is_in_percent_of_its_rows(ax):
    evaluations.confusion(ax, MATRIX, CLASSES)
    assert ax.get_images()[0].get_array().tolist() == [[75, 25, 0], [0, 100, 0], [0, 0, 0]]
    assert [text.get_text() for text in ax.texts] == ["75", "25", "", "", "100", "", "", "", ""]
    assert [label.get_text() for label in ax.get_yticklabels()] == CLASSES


def test_bars_by_class_have_intervals_that_stay_within_0_and_100(ax):
    evaluations.per_class_accuracy(ax, MATRIX, CLASSES)
    assert [bar.get_height() for bar in ax.patches] == [75, 100, 0]
    (segments,) = [collection.get_segments() for collection in ax.collections]
    ends = np.array(segments)[:, :, 1]
    assert ends.min() >= 0
    assert ends.max() <= 100 + 1e-9
    assert ends[1, 0] == pytest.approx(51, abs=1)  # four of four: at least 51 %
    assert ax.get_lines()[-1].get_ydata()[0] == pytest.approx(87.5)


def test_only_the_bars_are_counted_in_words(ax):
    evaluations.per_class_accuracy(ax, MATRIX, CLASSES)
    (words,) = figures.describe(ax.figure)
    assert words.endswith("3 bars.")


def test_misclassified_images_have_predicted_and_true_class(ax):
    images = np.full([7, 32, 32, 3], 100, np.uint8)
    logits = np.tile([0.0, 20.0, 0.0], (7, 1))
    evaluations.misclassified(ax, images, logits, np.zeros(7, int), CLASSES)
    assert [text.get_text() for text in ax.texts] == ["dog? 100 %", "cat"] * 7
    drawn = np.asarray(ax.get_images()[0].get_array())
    assert (drawn == 100).sum() == images.size


def test_no_mistakes_give_an_empty_grid(ax):
    evaluations.misclassified(ax, np.zeros([0, 32, 32, 3], np.uint8), np.zeros([0, 3]), np.zeros(0, int), CLASSES)
    assert not ax.texts


def test_predictions_are_drawn_best_first():
    _, (left, right) = figures.subplots(1, 2)
    evaluations.predictions(left, right, np.zeros([32, 32, 3], np.uint8), [("ship", 0.75), ("cat", 0.25)])
    assert [label.get_text() for label in right.get_yticklabels()] == ["ship", "cat"]
    assert right.yaxis_inverted()
