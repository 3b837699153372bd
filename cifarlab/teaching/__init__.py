"""Instant checks of the exercises for students; assignments and grading for instructors.

Nothing heavy is imported until a check is used.
"""

import importlib

_CHECKS = {
    "ex02_local_layer": ["check_local_layer"],
    "ex02_local_network": ["check_local_network"],
    "ex02_locally_connected": ["check_locally_connected"],
    "ex02_size_and_work": ["check_size_and_work"],
    "ex03_queue_fill": ["check_queue_megabytes", "check_first_batch_delay"],
    "ex03_unevenness": ["check_unevenness", "check_smallest_fraction"],
    "ex03_shuffle_queue": ["check_shuffled"],
    "ex06_digits_network": ["check_digits_network", "check_recognize"],
    "ex01_softmax": ["check_softmax", "check_probabilities", "check_smallest_loss", "check_gradients"],
    "ex05_two_gpus": ["check_shares", "check_mean_gradients"],
    "ex05_decay_steps": ["check_decay_steps"],
    "ex06_svhn": ["check_read_digits", "check_negative"],
    "ex05_tower_gradients": ["check_tower_gradients"],
    "ex04_without_averages": ["check_averages", "check_difference"],
    "ex04_evaluate_both": ["check_evaluate_both"],
}
_HOMES = {name: module for module, names in _CHECKS.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Imports a check from its exercise's module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cifarlab.teaching' has no attribute {name!r}; it has {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"cifarlab.teaching.checks.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
