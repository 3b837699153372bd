"""Divided by the number of towers twice."""

CHECK = "check_decay_steps"
ADVICE = "by the number of towers twice"
ADVICE_ID = "decay_steps.divided-twice"


def answer(batch_size, towers):
    return int(50_000 * 350 / (batch_size * towers) / towers)
