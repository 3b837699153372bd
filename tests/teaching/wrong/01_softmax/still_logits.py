"""The network as it is."""

import cifarlab

CHECK = "check_probabilities"
ADVICE = "still the logits"


def answer(net, images):
    return cifarlab.inference(net, images)
