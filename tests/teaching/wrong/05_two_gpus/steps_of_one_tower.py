"""The tutorial's bug."""

CHECK = "check_decay_steps"
ADVICE = "the tutorial's bug"


def answer(batch_size, towers):
    return int(50_000 / batch_size * 350)
