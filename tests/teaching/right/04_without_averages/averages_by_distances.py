"""Like the course's training step: moves by a part of the distance, in an array."""

import numpy as np

CHECK = "check_averages"


def answer(values, decay):
    found = np.array(values, float)
    for step in range(1, len(values)):
        found[step] = values[step]
        found[step] = found[step - 1] - (1 - min(decay, (1 + step) / (10 + step))) * (found[step - 1] - values[step])
    return found
