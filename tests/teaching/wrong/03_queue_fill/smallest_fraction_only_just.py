"""The fraction whose unevenness is nearest to the limit."""

CHECK = "check_smallest_fraction"
ADVICE = "barely good enough"
ADVICE_ID = "smallest_fraction.least-good"


def answer(measured, limit):
    good = {value: fraction for fraction, value in measured.items() if value <= limit}
    return good[max(good)] if good else None
