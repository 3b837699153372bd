"""A training step on the test images."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference
from cifarlab.training.step import train_step

CHECK = "check_evaluate_both"
ADVICE = "has different weights"
ADVICE_ID = "evaluate_both.weights-changed"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    train_step(state, images, labels)
    return share(state.network, images, labels), share(state.averages, images, labels)
