"""With the fraction."""

CHECK = "check_decay_steps"
ADVICE = "should be an integer: round down"
ADVICE_ID = "decay_steps.not-rounded"


def answer(batch_size, towers):
    return 50_000 / (batch_size * towers) * 350
