"""Increments the step."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "such as its step"
ADVICE_ID = "evaluate_both.state-changed"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    state.step.assign_add(1)
    return share(state.network, images, labels), share(state.averages, images, labels)
