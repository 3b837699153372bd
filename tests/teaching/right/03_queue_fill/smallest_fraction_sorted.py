"""From the smallest on, the first that is good."""

CHECK = "check_smallest_fraction"


def answer(measured, limit):
    for fraction in sorted(measured):
        if measured[fraction] <= limit:
            return fraction
    return None
