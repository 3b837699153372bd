"""Only the precision that the tutorial's evaluation reports."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "only the precision of the averages"
ADVICE_ID = "evaluate_both.averaged-only"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    return share(state.averages, images, labels)
