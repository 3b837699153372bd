"""Whole steps an epoch, times 350."""

CHECK = "check_decay_steps"
ADVICE = "cut off an epoch's steps"


def answer(batch_size, towers):
    return 50_000 // (batch_size * towers) * 350
