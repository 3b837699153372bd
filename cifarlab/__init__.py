"""cifarlab: the classic TensorFlow tutorial on convolutional networks, as a program in four calls.

>>> import cifarlab, tempfile
>>> config = cifarlab.TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=16)
>>> state = cifarlab.train(config)
>>> result = cifarlab.evaluate(cifarlab.EvalConfig(checkpoint_dir=config.train_dir, num_examples=100))
>>> result.step, result.num_examples
(2, 100)

The tutorial's functions have the tutorial's names: `inputs`, `distorted_inputs`, `inference`, `loss`, `train_step`.
Importing cifarlab is fast: TensorFlow is imported only when a name that needs it is first used.
"""

import importlib

_HOMES = {
    "TrainConfig": "config",
    "EvalConfig": "config",
    "load": "data.registry",
    "DataSet": "data.dataset",
    "inputs": "data.pipeline",
    "distorted_inputs": "data.pipeline",
    "ConvNet": "model.network",
    "inference": "model.network",
    "loss": "model.losses",
    "TrainState": "training.state",
    "train_step": "training.step",
    "train": "training.loop",
    "Observer": "training.observers",
    "Control": "training.control",
    "evaluate": "evaluation.evaluator",
    "evaluate_repeatedly": "evaluation.evaluator",
    "classify": "evaluation.classifier",
    "load_classifier": "evaluation.classifier",
    "pretrained_classifier": "evaluation.classifier",
    "export": "evaluation.classifier",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str):
    """Imports a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cifarlab' has no attribute {name!r}; it has {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"cifarlab.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
