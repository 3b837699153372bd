"""The first good fraction, as if the dictionary were sorted."""

CHECK = "check_smallest_fraction"
ADVICE = "the dictionary is not sorted"
ADVICE_ID = "smallest_fraction.first-in-dictionary"


def answer(measured, limit):
    for fraction, value in measured.items():
        if value <= limit:
            return fraction
    return None
