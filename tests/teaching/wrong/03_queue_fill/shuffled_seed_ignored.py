"""Always the seed 0."""

import random

CHECK = "check_shuffled"
ADVICE = "different seeds gave the same order"
ADVICE_ID = "shuffled.seed-ignored"


def answer(in_file, capacity, seed):
    rng = random.Random(0)
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        out.append(queue.pop(rng.randrange(len(queue))))
        queue.append(record)
    rng.shuffle(queue)
    return out + queue
