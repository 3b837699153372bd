"""Takes out of the dictionary what is not good enough."""

CHECK = "check_smallest_fraction"
ADVICE = "Only read it"


def answer(measured, limit):
    for fraction in list(measured):
        if measured[fraction] > limit:
            del measured[fraction]
    return min(measured, default=None)
