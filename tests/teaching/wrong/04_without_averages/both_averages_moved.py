"""Updates the averages before evaluating them."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference
from cifarlab.training import step

CHECK = "check_evaluate_both"
ADVICE = "it updated the averages"
ADVICE_ID = "evaluate_both.averages-updated"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    raw = share(state.network, images, labels)
    step.update_weight_averages(state)
    return raw, share(state.averages, images, labels)
