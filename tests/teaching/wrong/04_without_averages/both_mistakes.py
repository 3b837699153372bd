"""The error rates."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "fractions of wrong answers"
ADVICE_ID = "evaluate_both.mistakes"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    return 1 - share(state.network, images, labels), 1 - share(state.averages, images, labels)
