"""Rounded, not cut off."""

CHECK = "check_decay_steps"
ADVICE = "do not round"


def answer(batch_size, towers):
    return round(50_000 * 350 / batch_size / towers)
