# %% [markdown]
# # Exercise 6. SVHN: swap the data, adapt the network
#
# The tutorial's last exercise is to take its program to the house numbers of SVHN, to swap the pictures, and to adapt
# the network. This is also how most people come to use such a program: with data of their own, that nobody has tuned
# it for. You read SVHN's files, see how good the tutorial's network is as it stands, and then change what does not fit
# digits: a distortion, the crop, the layers. You have to beat it, and to say why yours is better.
#
# **Continues** lessons 1, 2, 5 and 7. **Time**: 90 minutes. **Difficulty**: 3 of 3.
#
# **Hand in** this notebook, with three functions and a class written and one question answered. **Points**: 16.
#
# | task | points |
# | --- | ---: |
# | 1. `read_digits` | 4 |
# | 2. `negative` | 3 |
# | 3. `DigitsNet` | 3 |
# | 4. `recognize`, better than before | 4 |
# | 5. what brought it, in two sentences | 2 |
#
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others. You answer the last task in words.

# %%
import dataclasses
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import cifarlab  # not found? docs/run-online.md
import numpy as np
import scipy.io
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.data import custom, distortions, registry
from cifarlab.evaluation import classifier, evaluator, metrics
from cifarlab.model.network import Layer, fully_connected
from cifarlab.plotting import evaluations, figures, image_grids, plots

# %%
SEED, runs = 0, Path(tempfile.mkdtemp())
name = "svhn" if os.environ.get("CIFARLAB_DATASET") == "svhn" else "street_digits"
cifarlab.load(name)  # downloaded or drawn on first use
print(f"Data: {name}, seed {SEED}")

# %% [markdown]
# `street_digits` are house numbers that cifarlab draws by itself, in SVHN's own file format and with its faults. With
# `CIFARLAB_DATASET=svhn make lab` the same cells run on the real ones, a download of 246 MB.
#
# ## 1. Read the files
#
# SVHN comes as MATLAB files, one for training and one for the test. `scipy.io.loadmat(path)` returns a dictionary with
# two arrays: `X`, uint8[32, 32, 3, N], rows, columns, RGB and then the pictures; and `y`, [N, 1], the digits. MATLAB
# counts from 1, so the digit zero has the label 10 there.
#
# Write a function that returns pictures and labels as this course has them.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.moveaxis` and `np.transpose` move axes; `reshape` does not. Which arithmetic operation turns 10 into 0 and leaves
# 1 to 9 alone?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Bring the last axis to the front and leave the other three in their order. Take the labels' only column, and the
# remainder of a division by ten. Look at some pictures with their labels before you believe it.
#
# </details>


# %% nbgrader={"grade_id": "read-digits", "solution": true}
def read_digits(path: str) -> tuple[np.ndarray, np.ndarray]:
    """The digits of one of SVHN's files.

    Args:
        path: of a MATLAB file, such as `train_32x32.mat`.

    Returns:
        uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.
        integers [N], each the digit that is seen, 0 to 9.
    """
    ### BEGIN SOLUTION
    content = scipy.io.loadmat(path)
    images = np.moveaxis(content["X"], source=3, destination=0)
    labels = content["y"][:, 0].astype(int) % 10
    return images, labels
    ### END SOLUTION


# %% nbgrader={"grade_id": "read-digits-check", "grade": true, "locked": true, "points": 3}
teaching.check_read_digits(read_digits)

# %% nbgrader={"grade_id": "read-digits-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_read_digits(read_digits, key="public")
### END HIDDEN TESTS

# %% [markdown]
# With this, the course's program takes the pictures: `custom.from_arrays` writes them as records, and number of
# classes, size and crop follow from there.

# %%
home = registry.find_local(name)
images, labels = read_digits(str(home / "train_32x32.mat"))
test = read_digits(str(home / "test_32x32.mat"))
digits = custom.from_arrays(images, labels, runs / "digits", test=test, classes="0123456789")
print(f"{len(images):,} and {len(test[0]):,} pictures, crops of {digits.crop_size}")
commonest, share = digits.majority_class()
print(f"always answering {commonest} is right on {share:.1%} of the test pictures")

# %% [markdown]
# House numbers begin with a 1 more often than with a 9, so the classes are uneven, and a program that has learnt
# nothing can be right on a fifth. That is the number to look at first.
#
# **Predict:** here are digits as they are, and as the tutorial's distortions may turn them. Which of them are still
# themselves in a mirror, and which become another sign?

# %%
shown = np.array([images[labels == digit][4] for digit in range(10)])
middle = shown[:, 4:28, 4:28]
figure, (ax,) = figures.subplots(height=2.6)
rows = {"as it is": shown, "mirrored": shown[:, :, ::-1]}
image_grids.image_grid(ax, rows, title="What is a digit in the mirror?", columns=list("0123456789"))
figures.show(
    figure,
    "Ten house numbers, 0 to 9, and below them their mirror images. Neighbouring digits are cut off at the edges.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# 0, 1 and 8 stay what they are, nearly. A mirrored 2 looks like a 5 in some writings, and a 5 like a 2; a 3, 4, 6, 7 or
# 9 in the mirror is a sign that no test picture shows. So a network that trains on mirrored digits spends part of what
# it can learn on signs that do not exist, and learns to confuse two that do.
#
# </details>
#
# ## 2. A distortion for digits
#
# Mirror images have to go. What may be added instead? Whatever changes the picture and leaves the digit what it is.
# Digits on houses are light on dark or dark on light, both are usual, and both mean the same. So each picture may as
# well be shown as its negative: 255 minus each value.
#
# A distortion is a function of a batch and a seed. The pipeline gives the seed of the run and the step, so that a run
# can be repeated. `distortions.per_image_uniform(images, shape, seed, stream)` makes random numbers between 0 and 1
# from it, one for each image if the shape is `[1, 1, 1]`; any stream from 10 on makes them independent of those of
# other distortions.
#
# <details><summary>Hint 1: where to look</summary>
#
# `random_flip` in `cifarlab/data/distortions.py` chooses images in the same way. Which dtype do a crop's pixels have,
# and which one does `per_image_uniform` return?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Turn the images to float32 first. Compare the draws with one half, and let `tf.where` take the negative or the image;
# it stretches [B, 1, 1, 1] over the pixels.
#
# </details>


# %% nbgrader={"grade_id": "negative", "solution": true}
def negative(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turns each image to its negative with probability one half.

    Args:
        images: uint8 or float32 [B, rows, columns, channels], 0-255.
        seed: int32[2] or int32[4], as the pipeline passes it.

    Returns:
        float32, of the same shape.
    """
    ### BEGIN SOLUTION
    images = tf.cast(images, tf.float32)
    turned = distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.5
    return tf.where(turned, 255 - images, images)
    ### END SOLUTION


# %% nbgrader={"grade_id": "negative-check", "grade": true, "locked": true, "points": 3}
teaching.check_negative(negative)

# %% [markdown]
# ## 3. A network for digits
#
# What else may not fit? The crop: a digit fills its picture from top to bottom, and a crop of 24 of 32 rows cuts off
# its head and its feet, the only difference between some of them. Crops of 28 leave them on. The layers: a digit is
# told by how strokes meet, where the tutorial's two convolutions see patches of colour and texture; and its fully
# connected layers alone hold nearly a million parameters, for thousands of pictures instead of 50,000.
#
# Write a network of your own for crops of 28, derived from `cifarlab.ConvNet`, with at most as many parameters as the
# tutorial's 1,068,298. Each stage's result belongs into a NamedTuple, the logits last.
#
# <details><summary>Hint 1: where to look</summary>
#
# `cifarlab/model/network.py`: `ConvNet.__init__` and `stages` are the template, and `Layer` is what it is made of.
# Lesson 2 builds a deeper network in this way. Write the class of your NamedTuple above `DigitsNet`, in the same cell,
# as `Stages` is written there; or make it in one line of pairs, `NamedTuple("Stages", [("conv1", tf.Tensor), ...])`.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Three or four convolutions of 3 x 3, with more channels after each `pool`, which halves rows and columns and rounds
# up, 28 -> 14 -> 7 -> 4; then one fully connected layer of a few hundred outputs and the linear one. For a layer with
# n inputs to each output let `stddev` be the root of 2 / n. The last layer gets 1 / n itself, without a root, so that
# the first logits are near 0.
#
# </details>


# %% nbgrader={"grade_id": "digits-net", "solution": true}
class DigitsNet(cifarlab.ConvNet):
    """A network for digits; its `stages` takes float32[B, image_size, image_size, channels]."""

    def __init__(
        self, num_classes: int = 10, image_size: int = 28, channels: int = 3, *, seed: int = 0
    ) -> None:
        """Makes the layers.

        Args:
            num_classes: logits per image.
            image_size: rows and columns of the images, in pixels.
            channels: of the images.
            seed: of the initial weights.
        """
        tf.Module.__init__(self, name="digits_net")  # super() would make the tutorial's layers
        self.fast_ops = True
        ### BEGIN SOLUTION

        def layer(name: str, *shape: int, weight_decay: float = 0.0) -> Layer:
            # So the activations keep their size from layer to layer.
            stddev = (2 / np.prod(shape[:-1])) ** 0.5
            return Layer(name, list(shape), stddev=stddev, weight_decay=weight_decay, seed=seed)

        self.conv1 = layer("conv1", 5, 5, channels, 32)
        self.conv2 = layer("conv2", 3, 3, 32, 64)
        self.conv3 = layer("conv3", 3, 3, 64, 64)
        self.conv4 = layer("conv4", 3, 3, 64, 128)
        inputs = 128 * (-(-image_size // 8)) ** 2  # three pools halve rows and columns
        self.local = layer("local", inputs, 256, weight_decay=0.002)
        self.logits = Layer("logits", [256, num_classes], stddev=1 / 256, seed=seed)
        ### END SOLUTION

    def stages(self, images: tf.Tensor) -> NamedTuple:
        """Every stage's result by name; the last one is the logits, float32[B, num_classes]."""
        ### BEGIN SOLUTION
        found: dict[str, tf.Tensor] = {}
        found["conv1"], found["pool1"] = self.convolve_and_pool(images, self.conv1, "pool1")
        found["conv2"] = self.convolve(found["pool1"], self.conv2)
        found["conv3"] = self.convolve(found["conv2"], self.conv3)
        found["pool3"] = self.pool(found["conv3"], "pool3")
        found["conv4"] = self.convolve(found["pool3"], self.conv4)
        found["pool4"] = self.pool(found["conv4"], "pool4")
        flat = tf.reshape(found["pool4"], [-1, self.local.weights.shape[0]])  # -> [B, 2048]
        found["local"] = fully_connected(flat, self.local)
        found["logits"] = fully_connected(found["local"], self.logits, activation=None)
        kind = NamedTuple("DigitsStages", [(stage, tf.Tensor) for stage in found])
        return kind(**found)
        ### END SOLUTION


# %% nbgrader={"grade_id": "digits-net-check", "grade": true, "locked": true, "points": 3}
teaching.check_digits_network(DigitsNet)

# %% [markdown]
# ## 4. Better than before
#
# Both networks get the same number of steps, on the same pictures; yours gets a better recipe, too. First the
# tutorial's as it stands: its network, its crops of 24, its distortions with mirror images, its constant learning rate.
#
# **Predict:** how far does it come in 300 steps of 64 pictures?

# %%
STEPS, BATCH = 300, 64
config = cifarlab.TrainConfig(train_dir=str(runs / "as_it_is"), max_steps=STEPS, batch_size=BATCH)
as_it_is = cifarlab.train(config, dataset=digits)
before = evaluator.logits_and_labels(as_it_is.averages, cifarlab.inputs(digits))

# %%
p_before = metrics.precision_at_1(*before)
print(f"better than always the same answer: {p_before > share + 0.1}; below 70 %: {p_before < 0.7}")

# %% [markdown]
# Now yours: your network, your distortion, the larger crop. Learning rate and momentum are those of the quick recipe;
# pictures are not mixed in pairs, and the averages' decay is 0.99, since the run is short. Two more distortions leave a
# digit a digit: contrast, the tutorial's, and `random_affine`, which turns, stretches and slants each picture a little,
# as house numbers are.

# %%
larger = dataclasses.replace(digits, crop_size=28)
quick = {"schedule": "one-cycle", "initial_learning_rate": 0.05, "momentum": 0.9}
config = cifarlab.TrainConfig(
    train_dir=str(runs / "adapted"),
    max_steps=STEPS,
    batch_size=BATCH,
    moving_average_decay=0.99,
    **quick,
)
adapted = cifarlab.train(
    config,
    network=DigitsNet(image_size=larger.crop_size, seed=SEED),
    dataset=larger,
    distortions=[negative, distortions.random_affine, distortions.random_contrast],
)

# %% [markdown]
# How good is it? Let it answer, and we count. Write a function that recognizes pictures as they come from a file: any
# number of them, 32 x 32, 0 to 255. Use the averaged weights, `adapted.averages`. To the network they must look as in
# the evaluation.
#
# <details><summary>Hint 1: where to look</summary>
#
# Lesson 5, "A picture of your own": `classifier.Classifier` takes a network and a data set, and its method `logits`
# takes raw pictures. Which data set's crops does the network expect?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# The logits of the pictures, [N, 10]; the digit is the place of the largest of each row. By hand, without the
# classifier, the pictures have to be cropped centrally and then standardized.
#
# </details>


# %% nbgrader={"grade_id": "recognize", "solution": true}
def recognize(pictures: np.ndarray) -> np.ndarray:
    """The digits that the adapted network sees.

    Args:
        pictures: uint8[N, 32, 32, 3], 0-255; any N.

    Returns:
        integers [N], 0 to 9.
    """
    ### BEGIN SOLUTION
    trained = classifier.Classifier(adapted.averages, larger)
    return np.argmax(trained.logits(pictures), axis=1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "recognize-check", "grade": true, "locked": true, "points": 3}
teaching.check_recognize(recognize)

# %% nbgrader={"grade_id": "recognize-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_recognize(recognize, key="public")
### END HIDDEN TESTS

# %%
after = evaluator.logits_and_labels(adapted.averages, cifarlab.inputs(larger))
p_after = metrics.precision_at_1(*after)
print(f"at least 10 points better: {p_after > p_before + 0.1}")

# %%
# NBVAL_IGNORE_OUTPUT
for what, right in (("always the same", share), ("as it is", p_before), ("adapted", p_after)):
    low, high = metrics.wilson_interval(round(right * len(test[0])), len(test[0]))
    print(f"{what}: {right:.1%}, between {low:.1%} and {high:.1%}")

# %%
matrices = {
    title: metrics.confusion_matrix(*logits_and_labels)
    for title, logits_and_labels in (("As it is", before), ("Adapted", after))
}
figure, axes = figures.subplots(1, 2, height=4.8)
for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
    evaluations.confusion(ax, matrix, digits.classes)
    ax.set_title(f"{title}: what is taken for what?", loc="left", fontsize=11)
figures.show(
    figure,
    "Two tables of shares. Left, the network as it is: a dark diagonal, and pale squares in many places beside it. "
    "Right, the adapted one: a darker diagonal, and little beside it.",
)

# %% [markdown]
# Much was changed at once. What did the mirror images alone cost? The adapted network once more, with them.

# %%
config = dataclasses.replace(config, train_dir=str(runs / "mirrored"))
mirrored = cifarlab.train(
    config,
    network=DigitsNet(image_size=larger.crop_size, seed=SEED),
    dataset=larger,
    distortions=[
        negative, distortions.random_affine, distortions.random_contrast, distortions.random_flip
    ],
)  # fmt: skip

# %%
with_mirror = evaluator.logits_and_labels(mirrored.averages, cifarlab.inputs(larger))
p_mirror = metrics.precision_at_1(*with_mirror)
print(f"mirror images cost at least 2 points: {p_mirror < p_after - 0.02}")

# %%
# NBVAL_IGNORE_OUTPUT
matrix = metrics.confusion_matrix(*with_mirror)
more = matrix - metrics.confusion_matrix(*after)
np.fill_diagonal(more, 0)
for place in np.argsort(-more, axis=None)[:5]:
    digit, taken = np.unravel_index(place, more.shape)
    print(
        f"{digit} taken for {taken}: {matrix[digit, taken]} times, {more[digit, taken]} more than without"
    )
print(f"right: {p_mirror:.1%} with mirror images, {p_after:.1%} without")

# %% [markdown]
# In so short a run the mirror images and the recipe are most of it. What crop, layers and stronger distortions bring
# shows in longer ones: some 3 points on real digits (one seed; `benchmarks/README.md`).
#
# ## What hours bring, on the real ones
#
# One seed and 300 steps of 64 are a short look. These are recorded runs on real house numbers, the first 4,434
# training and 1,952 test digits of SVHN: 4,000 steps of 128 of the tutorial's network as it is, and of the solution's
# network with distortions that are stronger yet, five seeds each (`benchmarks/README.md`). Everything that was to be
# chosen was chosen on the last fifth of the training digits, and the test digits were looked at once. Precision @ 1 of
# the averaged weights, in percent:

# %%
recorded_before = np.array([84.94, 85.55, 85.04, 85.55, 85.86])
recorded_after = np.array([93.29, 93.03, 93.34, 92.93, 92.83])
difference = recorded_after - recorded_before
for what, values in (
    ("as it is", recorded_before),
    ("adapted", recorded_after),
    ("difference", difference),
):
    error = values.std(ddof=1) / np.sqrt(len(values))
    print(
        f"{what}: {values.mean():.1f}, from {values.min():.1f} to {values.max():.1f}, standard error {error:.2f}"
    )

# %%
figure, (ax,) = figures.subplots(height=3)
pairs = enumerate(zip(recorded_before, recorded_after, strict=True))
curves = {f"seed {seed}": ([0, 1], pair) for seed, pair in pairs}
plots.lines(ax, curves, title="Is it better with every seed?", x="", y="right (%)")
ax.set_xticks([0, 1], ["as it is", "adapted"])
figures.show(
    figure,
    "Five lines, one for each seed, that all rise from the network as it is to the adapted one.",
    checksum=True,
)

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in two sentences:** what did mirror images cost your network, and what has that to do with the pairs that it
# confused more with them? And why can five seeds tell on the real digits that the adapted network is better, although
# one run of either differs from the next? Name figures that were printed above in each.
#
# *How it is graded, 2 points:* one for the points that mirror images cost, and a pair of digits of which one becomes
# like the other, or strange to itself, in the mirror (or a reason why your pairs are not explained by that); one for
# the mean difference against its standard error, or for the ranges that do not meet.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# With mirror images fewer of the test digits were right, by the points between the last two shares printed above,
# because half of what the network trained on were signs that no test picture shows, and digits that differ by what is
# left and what is right, as a 5 and a mirrored 2 or a 3 and an 8 with an open side, could no longer be told apart by
# that. On the real digits the adapted network is better by the mean difference that was printed, many times its
# standard error, and the worst adapted run lies above the best run of the network as it is, so that the luck of a seed
# cannot explain it.

# %% [markdown]
# ## Recap
#
# - Look at the data first: axes, labels, how uneven the classes are, and what always the same answer is worth.
# - A distortion is right when the class survives it, which nobody but you can know of your own pictures.
# - A network is better when it is better with every seed, on pictures on which nothing was chosen.
#
# **Try next:** leave out one of the three changes at a time, and find out which brought most; or train on
# `street_digits` and recognize the real ones, or the other way round.
