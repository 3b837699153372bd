"""Copies the raw weights to the second network."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "the averaged weights are lost"
ADVICE_ID = "evaluate_both.averages-lost"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    averaged = share(state.averages, images, labels)
    for average, variable in zip(state.averages.trainable_variables, state.network.trainable_variables, strict=True):
        average.assign(variable)
    return share(state.averages, images, labels), averaged
