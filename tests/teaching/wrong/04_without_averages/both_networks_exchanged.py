"""Swaps the networks and does not swap them back."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "holds different networks"
ADVICE_ID = "evaluate_both.other-networks"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    raw = share(state.network, images, labels)
    state.network, state.averages = state.averages, state.network
    return raw, share(state.network, images, labels)
