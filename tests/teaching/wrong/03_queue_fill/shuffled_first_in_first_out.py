"""A first-in, first-out queue."""

from collections import deque

CHECK = "check_shuffled"
ADVICE = "the order of the file"
ADVICE_ID = "shuffled.order-of-file"


def answer(in_file, capacity, seed):
    queue, out = deque(), []
    for record in in_file:
        queue.append(record)
        if len(queue) == capacity:
            out.append(queue.popleft())
    return out + list(queue)
