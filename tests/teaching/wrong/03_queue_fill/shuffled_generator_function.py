"""Yields the records."""

import random

CHECK = "check_shuffled"
ADVICE = "this is a generator"
ADVICE_ID = "shuffled.generator"


def answer(in_file, capacity, seed):
    rng = random.Random(seed)
    queue = []
    for record in in_file:
        queue.append(record)
        if len(queue) == capacity:
            yield queue.pop(rng.randrange(capacity))
    rng.shuffle(queue)
    yield from queue
