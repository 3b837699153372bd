"""With the fraction."""

CHECK = "check_decay_steps"
ADVICE = "whole: cut the fraction off"


def answer(batch_size, towers):
    return 50_000 / (batch_size * towers) * 350
