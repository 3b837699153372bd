"""The steps of one epoch."""

CHECK = "check_decay_steps"
ADVICE = "these are the steps of one epoch"


def answer(batch_size, towers):
    return int(50_000 / batch_size / towers)
