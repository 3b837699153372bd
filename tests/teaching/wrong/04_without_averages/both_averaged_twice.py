"""The averages for both."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "both are those of the averages"
ADVICE_ID = "evaluate_both.both-averaged"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    averaged = share(state.averages, images, labels)
    return averaged, averaged
