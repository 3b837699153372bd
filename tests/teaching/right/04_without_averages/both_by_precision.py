"""With the package's functions, the images as a dataset."""

from cifarlab.backend import tf
from cifarlab.evaluation.evaluator import logits_and_labels
from cifarlab.evaluation.metrics import precision_at_1

CHECK = "check_evaluate_both"


def answer(state, images, labels):
    batches = tf.data.Dataset.from_tensors((images, labels))
    return tuple(precision_at_1(*logits_and_labels(net, batches)) for net in (state.network, state.averages))
