"""Only the last average."""

CHECK = "check_averages"
ADVICE = "only the last average"
ADVICE_ID = "averages.last-only"


def answer(values, decay):
    average = values[0]
    for step, value in enumerate(values[1:], 1):
        kept = min(decay, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * value
    return average
