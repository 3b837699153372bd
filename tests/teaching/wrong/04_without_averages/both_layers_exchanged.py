"""Moves the layers of the averages into the network."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "has different variables"
ADVICE_ID = "evaluate_both.other-variables"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    raw = share(state.network, images, labels)
    for name in ("conv1", "conv2", "local3", "local4", "softmax_linear"):
        setattr(state.network, name, getattr(state.averages, name))
    return raw, share(state.network, images, labels)
