"""The averages first."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "the order"
ADVICE_ID = "evaluate_both.wrong-order"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    return share(state.averages, images, labels), share(state.network, images, labels)
