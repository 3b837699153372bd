"""The values are overwritten."""

CHECK = "check_averages"
ADVICE = "changed the values that it was given"
ADVICE_ID = "averages.values-changed"


def answer(values, decay):
    for step in range(1, len(values)):
        kept = min(decay, (1 + step) / (10 + step))
        values[step] = kept * values[step - 1] + (1 - kept) * values[step]
    return values
