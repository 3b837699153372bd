"""The same network twice."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "both are those of the raw weights"
ADVICE_ID = "evaluate_both.both-raw"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    raw = share(state.network, images, labels)
    averaged = share(state.network, images, labels)
    return raw, averaged
