"""Each average as a weighted mean of all values, from products of the decays."""

import numpy as np

CHECK = "check_averages"


def answer(values, decay):
    steps = np.arange(1, len(values))
    decays = np.minimum(decay, (1 + steps) / (10 + steps))
    left = np.array([[np.prod(decays[k:n]) for k in range(len(values))] for n in range(len(values))])
    shares = np.append(1.0, 1 - decays)
    return np.tril(left * shares) @ values
