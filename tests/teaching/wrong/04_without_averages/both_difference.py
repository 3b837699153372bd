"""Only the difference."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "this is only the difference"
ADVICE_ID = "evaluate_both.difference-only"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    return share(state.averages, images, labels) - share(state.network, images, labels)
