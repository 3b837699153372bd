"""The check of exercise 5's number of steps until the learning rate decays, for any number of towers."""

from typing import Any

import numpy as np

from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed

_ROUNDED_UP = Advice("rounded-up", "this is rounded up. Round down instead, to the last complete step.")
_NOT_ROUNDED = Advice("not-rounded", "the number of steps should be an integer: round down.")
_ONE_EPOCH = Advice("one-epoch", "these are the steps of one epoch; the rate falls after 350 epochs.")
_ROUNDED_TOO_EARLY = Advice(
    "rounded-too-early",
    "the steps of one epoch were rounded down, so 350 fractions are missing: round down at the end.",
)
_EPOCHS = Advice("epochs", "this is the number of epochs; return the number of steps.")
_ONE_TOWER = Advice("one-tower", "this is the tutorial's bug: a step uses the images of all towers, not of one.")
_NO_FEWER_STEPS = Advice("no-fewer-steps", "with more towers there are fewer steps: divide by their number.")
_DIVIDED_TWICE = Advice("divided-twice", "correct for one tower, but divided by the number of towers twice.")


def check_decay_steps(decay_steps: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `decay_steps(batch_size, towers)`, the number of steps in 350 epochs of 50,000 images.

    Args:
        decay_steps: takes two ints, the images per tower and the number of towers; returns an int.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("decay_steps", key)
    for towers in (1, 2, int(examiner.random.integers(3, 9))):
        batch_size, right, misconceptions = _draw_decay(examiner, towers)
        case = "" if examiner.hidden else f", {towers} x {batch_size} images"
        got = examiner.call(decay_steps, batch_size, towers)
        examiner.assert_close(
            got,
            np.asarray(right),
            what=f"the number of steps{case}",
            misconceptions=misconceptions,
            fallback=Advice(
                "other", "How many images does one step use in all towers? How many are 350 epochs of 50,000?"
            ),
            tolerance=1e-9,
        )
        if np.asarray(got).dtype.kind not in "iu":
            examiner.fail(
                "not-an-integer",
                f"the value is correct, but steps are counted: return an int; got {type(got).__name__}.",
            )
    return examiner.passed("it is 350 epochs, for any number of towers that share the images.")


def _draw_decay(examiner: Examiner, towers: int) -> tuple[int, int, dict[Advice, float]]:
    """Draws images per tower; returns them, the correct number of steps and those of known mistakes, all different."""
    images = 350 * 50_000
    while True:
        size = int(examiner.random.integers(30, 250))
        step, exact = size * towers, images / (size * towers)
        right = images // step
        wrong: dict[Advice, float] = {
            _ROUNDED_UP: right + 1,
            _NOT_ROUNDED: exact,
            _ONE_EPOCH: 50_000 // step,
            _ROUNDED_TOO_EARLY: 350 * (50_000 // step),
            _EPOCHS: 350,
        }
        if towers > 1:
            wrong |= {
                _ONE_TOWER: images // size,
                _NO_FEWER_STEPS: images * towers // size,
                _DIVIDED_TWICE: images // (step * towers),
            }
        if 0.55 < exact % 1 < 0.95 and len({right, *wrong.values()}) == len(wrong) + 1:
            return size, right, wrong
