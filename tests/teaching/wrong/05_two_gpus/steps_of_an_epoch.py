"""The steps of one epoch."""

CHECK = "check_decay_steps"
ADVICE = "these are the steps of one epoch"
ADVICE_ID = "decay_steps.one-epoch"


def answer(batch_size, towers):
    return int(50_000 / batch_size / towers)
