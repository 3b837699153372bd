"""An integer value, but a float."""

CHECK = "check_decay_steps"
ADVICE = "return an int"
ADVICE_ID = "decay_steps.not-an-integer"


def answer(batch_size, towers):
    return float(50_000 * 350 // (batch_size * towers))
