"""Exercise 5's check of gradients from several towers: their values, and the images and the device of each tower."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, layers, variable_name
from cifarlab.teaching.checks.ex05_recording_network import RecordingNet
from cifarlab.teaching.checks.ex05_two_gpus import batch, compiled, require_float32
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckFailedError, CheckPassed
from cifarlab.teaching.checks.student_calls import short_repr
from cifarlab.training.strategies.placement import short_device_name

_LAST_TOWER = Advice("last-tower", "this is only the last tower's gradient. Is a name overwritten in a loop?")
_SAME_LABELS = Advice("same-labels", "all towers got the first share of the labels.")
_LABELS_DO_NOT_MATCH = Advice(
    "labels-do-not-match",
    "labels and images do not match: one is split into blocks, but of the other each tower gets every n-th.",
)
_NETWORKS_ELSEWHERE = Advice(
    "networks-elsewhere",
    "the towers' networks were computed on {}: use tf.device with each name from `devices`",
)
_LOSSES_ELSEWHERE = Advice(
    "losses-elsewhere",
    "the networks are on the towers' devices, but the losses on {}: compute them inside tf.device too",
)
_GRADIENTS_ELSEWHERE = Advice(
    "gradients-elsewhere",
    "the forward passes are on the towers' devices, the backward passes on {}: take the gradients there too",
)

_CLOSE = 1e-3  # relative to the largest gradient of a variable; rounding errors are a thousandth of that

_NO_GRADIENT = Advice(
    "no-gradient", "some gradients are None: the tape did not record the computation. Compute the logits inside it too."
)
_LIST = "return a list with a gradient for each variable of the network"
_NONE_ADDED_UP = ("of at least one Tensor", "a value (None)", "'int' and 'NoneType'", "'NoneType' and 'NoneType'")
"""Parts of the errors that tf.add_n, tf.stack, Python's sum and + raise for None."""


class _Case(NamedTuple):
    """A batch for towers; gradients are vectors over all variables, each scaled by the largest correct one."""

    net: RecordingNet
    images: tf.Tensor
    labels: tf.Tensor
    devices: list[str]
    scale: np.ndarray
    cross_entropy: np.ndarray
    decay: np.ndarray

    def share(self, tower: int) -> slice:
        size = len(self.labels) // len(self.devices)
        return slice(tower * size, (tower + 1) * size)


def check_tower_gradients(tower_gradients: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `tower_gradients(net, images, labels, devices)`; TensorFlow needs at least two devices.

    Args:
        tower_gradients: takes a ConvNet, float32[B, 24, 24, 3], int32[B] and the names of devices, one for each tower;
            returns a list with the gradient of the total loss of the batch for each of `net.trainable_variables`.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("tower_gradients", key, seconds=20)
    here = [device.name for device in tf.config.list_logical_devices() if device.device_type in ("CPU", "GPU")]
    if len(here) < 2:
        examiner.fail(
            "one-device",
            "this check needs two devices; got one. Restart the kernel and run the notebook from the top, so that "
            "tower_devices(2, virtual=True) runs before TensorFlow's first operation.",
        )
    # Three towers first: with two, the sum over the towers is also twice the gradient.
    cases = [_draw(examiner, *given) for given in (([here[1], here[0], here[1]], 2), ([here[0], here[1]], 4))]
    for case in cases:
        before = [variable.numpy() for variable in case.net.trainable_variables]
        got = _call(examiner, tower_gradients, case)
        if any(np.any(old != new.numpy()) for old, new in zip(before, case.net.trainable_variables, strict=True)):
            examiner.fail(
                "network-changed",
                "it changed the network's weights. Only compute the gradients; the update happens later.",
            )
        _compare(examiner, got, case)
    case = cases[0]
    step_by_step = case.net.forget()
    again = compiled(examiner, tower_gradients, case.net, case.images, case.labels, list(case.devices))
    _compare(examiner, again, case)
    _inspect(examiner, case, step_by_step)
    return examiner.passed(
        "these are the whole batch's gradients, each image in one tower, each tower on its device, weight decay once."
    )


def _call(examiner: Examiner, tower_gradients: Any, case: _Case) -> Any:
    """Calls the student's function; explains the error if it tried to add up missing gradients (None)."""
    try:
        return examiner.call(tower_gradients, case.net, case.images, case.labels, list(case.devices))
    except CheckFailedError as refusal:
        if any(words in refusal.advice for words in _NONE_ADDED_UP):
            examiner.fail(*_NO_GRADIENT, refusal.advice[:200])
        raise


def _draw(examiner: Examiner, devices: list[str], size: int) -> _Case:
    with tf.device("CPU:0"):
        net = RecordingNet(int(examiner.random.integers(1000)))
    images, labels = batch(examiner, size * len(devices), pixels=8)
    strength = {id(layer.weights): layer.weight_decay for layer in layers(net)}
    decay = _flat([strength.get(id(variable), 0.0) * variable.numpy() for variable in net.trainable_variables])
    cross_entropy = _cross_entropy(net, images, labels)
    sizes = [int(tf.size(variable)) for variable in net.trainable_variables]
    largest = [np.abs(part).max() for part in np.split(cross_entropy + decay, np.cumsum(sizes)[:-1])]
    scale = np.repeat(1 / np.maximum(largest, 1e-9), sizes)
    return _Case(net, images, labels, devices, scale, scale * cross_entropy, scale * decay)


def _cross_entropy(net: RecordingNet, images: tf.Tensor, labels: tf.Tensor) -> np.ndarray:
    """Returns the gradient of a whole batch's mean cross-entropy, without leaving notes in the network."""
    with tf.GradientTape() as tape:
        value = loss(net, ConvNet.stages(net, images)[-1], labels).cross_entropy
    return _flat([gradient.numpy() for gradient in tape.gradient(value, net.trainable_variables)])


def _flat(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() < _CLOSE)


def _compare(examiner: Examiner, got: Any, case: _Case) -> None:
    """Fails the check, with the advice that explains it, unless gradients are those of the batch's total loss."""
    mine = case.scale * _vector(examiner, got, case)
    right = case.cross_entropy + case.decay
    if _close(mine, right):
        require_float32(examiner, got)
        return
    worst = int(np.abs(mine - right).argmax())
    evidence = f"where they differ most: expected {right[worst] / case.scale[worst]:.6g}, " + (
        f"got {mine[worst] / case.scale[worst]:.6g}"
    )
    count, first = len(case.devices), case.share(0)
    for advice, images, labels in (
        (_same_images_or_first(case), case.images[first], case.labels[first]),
        (
            _LAST_TOWER,
            case.images[case.share(count - 1)],
            case.labels[case.share(count - 1)],
        ),
        (
            _SAME_LABELS,
            case.images,
            tf.tile(case.labels[first], [count]),
        ),
        (
            _LABELS_DO_NOT_MATCH,
            case.images,
            tf.concat([case.labels[tower::count] for tower in range(count)], 0),
        ),
    ):
        if _close(mine, case.scale * _cross_entropy(case.net, images, labels) + case.decay):
            examiner.fail(*advice, evidence)
    examiner.fail(*_advice_on_counts(mine, case), evidence)


def _vector(examiner: Examiner, got: Any, case: _Case) -> np.ndarray:
    """Returns a student's gradients as one vector, or fails the check if they are not valid gradients."""
    variables = case.net.trainable_variables
    if not isinstance(got, list | tuple):
        examiner.fail("not-a-list", f"{_LIST}, {len(variables)} in total; got {short_repr(got)}.")
    if len(got) == len(case.devices) and all(isinstance(part, list | tuple) for part in got):
        examiner.fail("gradients-of-each-tower", "these are the gradients of each tower; the update needs their mean.")
    if len(got) != len(variables):
        examiner.fail("wrong-count", f"{_LIST}, {len(variables)} in total; got {len(got)}.")
    arrays = []
    for variable, value in zip(variables, got, strict=True):
        name = variable_name(variable)
        if value is None:
            examiner.fail(
                "one-gradient-none",
                f"the gradient of {name} is None: compute the network and the loss inside the tape's block.",
            )
        array = examiner.as_array(value, f"the gradient of {name}")
        if array.shape != tuple(variable.shape):
            shapes = f"it should have the shape {list(variable.shape)}; got {list(array.shape)}"
            examiner.fail(
                "gradient-shape", f"the gradient of {name}: {shapes}. Are they in the order of net.trainable_variables?"
            )
        arrays.append(array)
    if not all(np.isfinite(array).all() for array in arrays):
        examiner.fail("not-finite-gradients", "some gradients are infinite or not a number.")
    return _flat(arrays)


def _same_images_or_first(case: _Case) -> Advice:
    """Returns the advice for the gradients of the first share, which two different mistakes give."""
    batches = [images.numpy() for images in case.net.notes.batches if hasattr(images, "numpy")]
    if len(batches) > 1 and all(np.array_equal(images, batches[0]) for images in batches):
        return Advice(
            "same-images",
            "all towers got the same images, as in an early version of the tutorial: they learn from one share.",
        )
    return Advice(
        "first-tower", "this is only the first tower's gradient. Does the function return from inside its loop?"
    )


def _advice_on_counts(mine: np.ndarray, case: _Case) -> Advice:
    """Returns the advice for gradients in which cross-entropy or weight decay do not count once, or for others."""
    basis = np.stack([case.cross_entropy, case.decay], 1)
    (entropy, decay), *_ = np.linalg.lstsq(basis, mine)
    if not _close(mine, basis @ [entropy, decay]):
        return Advice(
            "not-of-total-loss",
            "these are not the gradients of the batch's total loss. Does each tower get its own images and their "
            "labels? `cifarlab.loss` takes logits, as `cifarlab.inference` returns them.",
        )
    count = len(case.devices)
    entropy_once, decay_once = abs(entropy - 1) < 0.01, abs(decay - 1) < 0.01
    if np.allclose([entropy, decay], count, atol=0.01):
        return Advice(
            "sum", "this is the sum over the towers: divide it by their number; otherwise every step is too long."
        )
    if np.allclose([entropy, decay], 2, atol=0.01):
        return Advice(
            "twice-the-gradient",
            "this is twice the gradient. Did you take `.total` of the losses? Without it, all of them are added up.",
        )
    if np.allclose([entropy, decay], 1 / count, atol=0.01):
        return Advice("divided-twice", "this is divided by the number of towers twice.")
    if entropy_once and abs(decay) < 0.01:
        return Advice("no-decay", "weight decay is missing: take the gradient of the total loss.")
    if entropy_once:
        return Advice(
            "decay-counted-often",
            f"weight decay counts {decay:.3g} times. Each tower's total loss already contains it, so it is in their "
            "mean once.",
        )
    if decay_once and entropy > 1.01:
        return Advice(
            "cross-entropy-summed",
            f"the cross-entropy counts {entropy:.3g} times: it should be a mean over images, not a sum.",
        )
    return Advice(
        "counted-otherwise",
        f"the cross-entropy counts {entropy:.3g} times and weight decay {decay:.3g} times; each should count once.",
    )


def _inspect(examiner: Examiner, case: _Case, step_by_step: SimpleNamespace) -> None:
    """Fails the check if correct gradients were not computed in towers.

    Args:
        examiner: fails the check.
        case: the case, whose network has the notes of a compiled call; a graph's devices are the requested ones, or "".
        step_by_step: the notes of a call that was not compiled.
    """
    notes, seen, count = case.net.notes, int(case.net.images_seen.numpy()), len(case.labels)
    wanted = [short_device_name(device) for device in case.devices]
    if not seen:
        examiner.fail(
            "no-images", "correct gradients, but no image went through the network: call cifarlab.inference(net, ...)."
        )
    if seen > count:
        examiner.fail(
            "too-many-images",
            f"correct gradients, but {seen} images went through the network for a batch of {count}. That takes as "
            "long as without towers, or longer: give each tower only its own share.",
        )
    if len(step_by_step.batches) < len(wanted):  # a single trace for all devices, which does not show where they run
        compiled_by_student = any(tf.is_symbolic_tensor(images) for images in step_by_step.batches)
        if compiled_by_student:
            examiner.fail(
                "compiled-by-student",
                "do not use tf.function here; the training step does. This check cannot see where a compiled tower "
                "runs.",
            )
        examiner.fail(
            "too-few-parts",
            "correct gradients, but the batch was not split into enough parts: make a tower for each device.",
        )
    traced = notes if notes.batches else step_by_step  # a student's compiled function was traced at its first call
    losses = _places_of_losses(traced.batches[0])
    for places, advice in (
        (
            traced.forward,
            _NETWORKS_ELSEWHERE,
        ),
        (
            losses,
            _LOSSES_ELSEWHERE,
        ),
        (
            traced.backward,
            _GRADIENTS_ELSEWHERE,
        ),
    ):
        if sorted(places) != sorted(wanted) and not (places is losses and set(places) in (set(), set(wanted))):
            words = advice.words.format(_join(places))
            examiner.fail(advice.id, f"{words}. Expected {_join(wanted)}, one for each tower.")


def _places_of_losses(images: tf.Tensor) -> list[str]:
    """Returns the devices of all cross-entropies in a batch's graph; an empty list if it is not in a graph."""
    if not tf.is_symbolic_tensor(images):
        return []
    kinds = ("SparseSoftmaxCrossEntropyWithLogits", "SoftmaxCrossEntropyWithLogits")
    return [
        short_device_name(operation.device) for operation in images.graph.get_operations() if operation.type in kinds
    ]


def _join(places: list[str]) -> str:
    """Joins the names of devices; a name that all share is given once."""
    names = [place or "no specific device" for place in places] or ["none"]
    return names[0] if len(set(names)) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
