"""Percentages."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "these are percentages"
ADVICE_ID = "evaluate_both.percent"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    return [100 * share(net, images, labels) for net in (state.network, state.averages)]
