"""Rounded to the nearest integer, not down."""

CHECK = "check_decay_steps"
ADVICE = "this is rounded up"
ADVICE_ID = "decay_steps.rounded-up"


def answer(batch_size, towers):
    return round(50_000 * 350 / batch_size / towers)
