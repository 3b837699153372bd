"""Multiplied by the number of towers."""

CHECK = "check_decay_steps"
ADVICE = "with more towers there are fewer steps"
ADVICE_ID = "decay_steps.no-fewer-steps"


def answer(batch_size, towers):
    return int(50_000 / batch_size * 350 * towers)
