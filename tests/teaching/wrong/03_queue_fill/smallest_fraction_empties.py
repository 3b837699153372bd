"""Removes fractions that are not good enough from the dictionary."""

CHECK = "check_smallest_fraction"
ADVICE = "Only read it"
ADVICE_ID = "smallest_fraction.dictionary-changed"


def answer(measured, limit):
    for fraction in list(measured):
        if measured[fraction] > limit:
            del measured[fraction]
    return min(measured, default=None)
