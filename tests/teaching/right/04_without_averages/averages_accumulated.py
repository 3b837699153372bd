"""With itertools, as a list of floats."""

import itertools

CHECK = "check_averages"


def answer(values, decay):
    def move(before, item):
        step, value = item
        kept = min(decay, (1 + step) / (10 + step))
        return kept * before + (1 - kept) * value

    pairs = enumerate(values[1:].tolist(), 1)
    return list(itertools.accumulate(pairs, move, initial=float(values[0])))
