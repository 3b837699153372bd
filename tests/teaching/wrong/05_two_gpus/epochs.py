"""The number of epochs."""

CHECK = "check_decay_steps"
ADVICE = "the number of epochs"
ADVICE_ID = "decay_steps.epochs"


def answer(batch_size, towers):
    return 350
