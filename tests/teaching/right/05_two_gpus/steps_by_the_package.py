"""The package's schedule, given the images of all towers."""

from cifarlab.training import schedule

CHECK = "check_decay_steps"


def answer(batch_size, towers):
    return schedule.decay_steps(50_000, batch_size * towers)
