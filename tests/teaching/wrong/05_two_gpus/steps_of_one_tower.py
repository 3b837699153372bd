"""The tutorial's bug."""

CHECK = "check_decay_steps"
ADVICE = "the tutorial's bug"
ADVICE_ID = "decay_steps.one-tower"


def answer(batch_size, towers):
    return int(50_000 / batch_size * 350)
