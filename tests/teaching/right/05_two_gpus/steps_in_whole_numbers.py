"""With integers."""

CHECK = "check_decay_steps"


def answer(batch_size, towers):
    return 350 * 50_000 // (batch_size * towers)
