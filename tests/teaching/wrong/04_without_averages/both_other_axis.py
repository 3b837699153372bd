"""The largest logit among the images."""

import numpy as np

from cifarlab.model.network import inference

CHECK = "check_evaluate_both"
ADVICE = "check the axis"
ADVICE_ID = "evaluate_both.among-images"


def answer(state, images, labels):
    answers = [inference(net, images).numpy().argmax(axis=0) for net in (state.network, state.averages)]
    return tuple(float(np.mean(found == labels.numpy())) for found in answers)
