"""The mean of the two networks' logits."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "mean of the two networks' logits"
ADVICE_ID = "evaluate_both.mean-of-logits"


def answer(state, images, labels):
    logits = (inference(state.network, images) + inference(state.averages, images)) / 2
    together = precision_at_1(logits.numpy(), labels.numpy())
    return together, together
