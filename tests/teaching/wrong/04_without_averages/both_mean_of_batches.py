"""A mean over batches, with a smaller last batch."""

import numpy as np

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "a mean over batches of 128"
ADVICE_ID = "evaluate_both.mean-over-batches"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    starts = range(0, len(labels), 128)
    batches = [(images[start : start + 128], labels[start : start + 128]) for start in starts]
    return [np.mean([share(net, *batch) for batch in batches]) for net in (state.network, state.averages)]
