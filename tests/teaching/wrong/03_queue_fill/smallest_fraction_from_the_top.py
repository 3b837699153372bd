"""Goes down from the largest fraction while it is good enough."""

CHECK = "check_smallest_fraction"
ADVICE = "need not fall steadily"
ADVICE_ID = "smallest_fraction.not-steady"


def answer(measured, limit):
    best = None
    for fraction in sorted(measured, reverse=True):
        if measured[fraction] > limit:
            break
        best = fraction
    return best
