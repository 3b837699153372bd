"""With the package's own functions, the pictures as a dataset."""

from cifarlab.backend import tf
from cifarlab.evaluation.evaluator import predictions
from cifarlab.evaluation.metrics import precision_at_1

CHECK = "check_evaluate_both"


def answer(state, images, labels):
    batches = tf.data.Dataset.from_tensors((images, labels))
    return tuple(precision_at_1(*predictions(net, batches)) for net in (state.network, state.averages))
