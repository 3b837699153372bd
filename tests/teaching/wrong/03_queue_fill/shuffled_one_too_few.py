"""Draws as soon as the next one would fill it: capacity - 1 records at a time."""

import random

CHECK = "check_shuffled"
ADVICE = "the youngest is never drawn"
ADVICE_ID = "shuffled.youngest-never"


def answer(in_file, capacity, seed):
    rng = random.Random(seed)
    queue, out = [], []
    for record in in_file:
        if len(queue) == capacity - 1:
            out.append(queue.pop(rng.randrange(len(queue))))
        queue.append(record)
    rng.shuffle(queue)
    return out + queue
