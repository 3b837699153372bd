"""The number of images."""

CHECK = "check_decay_steps"
ADVICE = "How many images does one step use"
ADVICE_ID = "decay_steps.other"


def answer(batch_size, towers):
    return 350 * 50_000
