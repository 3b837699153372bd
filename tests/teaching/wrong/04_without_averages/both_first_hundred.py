"""Only some of the images."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "first 100 images only"
ADVICE_ID = "evaluate_both.first-images"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    images, labels = images[:100], labels[:100]
    return share(state.network, images, labels), share(state.averages, images, labels)
