"""The rounded-down steps of an epoch, times 350."""

CHECK = "check_decay_steps"
ADVICE = "the steps of one epoch were rounded down"
ADVICE_ID = "decay_steps.rounded-too-early"


def answer(batch_size, towers):
    return 50_000 // (batch_size * towers) * 350
