"""The network's logits, unchanged."""

import cifarlab

CHECK = "check_probabilities"
ADVICE = "still the logits"
ADVICE_ID = "probabilities.still-logits"


def answer(net, images):
    return cifarlab.inference(net, images)
