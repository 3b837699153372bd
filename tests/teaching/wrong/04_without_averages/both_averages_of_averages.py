"""A copy of the averages, averaged with the weights again."""

import copy

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "mixed with the raw weights again"
ADVICE_ID = "evaluate_both.averaged-again"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    again = copy.deepcopy(state.averages)
    for average, variable in zip(again.trainable_variables, state.network.trainable_variables, strict=True):
        average.assign(0.9999 * average + (1 - 0.9999) * variable)
    return share(state.network, images, labels), share(again, images, labels)
