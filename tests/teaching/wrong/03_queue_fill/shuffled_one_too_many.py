"""Puts the next record in before one is drawn: capacity + 1 records at a time."""

import random

CHECK = "check_shuffled"
ADVICE = "one record too many"
ADVICE_ID = "shuffled.one-too-many"


def answer(in_file, capacity, seed):
    rng = random.Random(seed)
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        queue.append(record)
        out.append(queue.pop(rng.randrange(len(queue))))
    while queue:
        out.append(queue.pop(rng.randrange(len(queue))))
    return out
