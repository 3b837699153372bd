"""With lists and the standard library, one draw at a time."""

import random

CHECK = "check_shuffled"


def answer(in_file, capacity, seed):
    rng = random.Random(seed)
    file, queue, out = list(in_file), [], []
    while file or queue:
        while file and len(queue) < capacity:
            queue.append(file.pop(0))
        out.append(queue.pop(rng.randrange(len(queue))))
    return out
