"""The network's logits, unchanged."""

import cifarlab

CHECK = "check_probabilities"
ADVICE = "still the logits"


def answer(net, images):
    return cifarlab.inference(net, images)
