"""As in TensorFlow 1, but the weights are saved and restored."""

from cifarlab.evaluation.metrics import precision_at_1
from cifarlab.model.network import inference

CHECK = "check_evaluate_both"


def share(net, images, labels):
    return precision_at_1(inference(net, images).numpy(), labels.numpy())


def answer(state, images, labels):
    weights = state.network.trainable_variables
    raw, kept = share(state.network, images, labels), [variable.numpy() for variable in weights]
    for variable, average in zip(weights, state.averages.trainable_variables, strict=True):
        variable.assign(average)
    averaged = share(state.network, images, labels)
    for variable, value in zip(weights, kept, strict=True):
        variable.assign(value)
    return raw, averaged
