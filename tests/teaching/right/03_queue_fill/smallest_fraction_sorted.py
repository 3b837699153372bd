"""The first good fraction in sorted order."""

CHECK = "check_smallest_fraction"


def answer(measured, limit):
    for fraction in sorted(measured):
        if measured[fraction] <= limit:
            return fraction
    return None
