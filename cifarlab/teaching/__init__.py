"""For those who learn, the instant checks of the exercises; for those who teach, assignments and grades.

Nothing heavy is imported until a check is used.
"""

import importlib

_CHECKS = {
    "local_layer": ["check_local_layer"],
    "local_network": ["check_local_network"],
    "locally_connected": ["check_locally_connected", "check_size_and_work"],
    "queue_fill": [
        "check_unevenness",
        "check_smallest_fraction",
        "check_queue_megabytes",
        "check_first_batch_delay",
    ],
    "shuffle_queue": ["check_shuffled"],
    "digits_network": ["check_digits_network", "check_recognize"],
    "softmax": ["check_softmax", "check_probabilities", "check_smallest_loss", "check_gradients"],
    "two_gpus": ["check_shares", "check_mean_gradients", "check_decay_steps"],
    "svhn": ["check_read_digits", "check_negative"],
    "tower_gradients": ["check_tower_gradients"],
    "without_averages": ["check_averages", "check_difference"],
    "both_weights": ["check_evaluate_both"],
}
_HOMES = {name: module for module, names in _CHECKS.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Loads a check from the module of its exercise when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cifarlab.teaching' has no attribute {name!r}; it has {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"cifarlab.teaching.checks.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
