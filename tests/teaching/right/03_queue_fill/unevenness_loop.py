"""Counted in a loop, without NumPy."""

from collections import Counter

CHECK = "check_unevenness"


def answer(labels, batch_size):
    labels = [int(label) for label in labels]
    epoch = Counter(labels)
    distances = []
    while len(labels) >= batch_size:
        batch, labels = Counter(labels[:batch_size]), labels[batch_size:]
        size = sum(epoch.values())
        distances.append(sum(abs(batch[c] / batch_size - epoch[c] / size) for c in epoch) / 2)
    return sum(distances) / len(distances)
