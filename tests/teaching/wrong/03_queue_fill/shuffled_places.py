"""Returns the positions of the records instead of the records."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "not their positions"
ADVICE_ID = "shuffled.not-in-file"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    queue, out = list(range(min(capacity, len(in_file)))), []
    for k in range(capacity, len(in_file)):
        out.append(queue.pop(rng.integers(len(queue))))
        queue.append(k)
    return np.array([*out, *rng.permutation(queue)])
