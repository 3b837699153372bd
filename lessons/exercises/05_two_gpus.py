# %% [markdown]
# # Exercise 5. Two GPUs with 64 images each, or one with 128: which, and why?
#
# The tutorial says: *the default settings for `cifar10_train.py` is to run on a batch size of 128. Try running
# `cifar10_multi_gpu_train.py` on 2 GPUs with a batch size of 64 and compare the training speed.* You do that with
# towers of your own. Before speeds can be compared it has to be certain that both do the same work, so you build the
# step from its parts, prove that its update is that of the whole batch, and mend a fault of the tutorial's program on
# the way. Then you measure, and find out what to make of the speeds that the tutorial published.
#
# **Continues** lesson 6, several GPUs. **Time**: 60 minutes. **Difficulty**: 2 of 3. No GPU is needed.
#
# **Hand in** this notebook, with four functions written and one question answered. **Points**: 14.
#
# | task | points |
# | --- | ---: |
# | 1. `shares` | 3 |
# | 2. `mean_gradients` | 2 |
# | 3. `tower_gradients` | 4 |
# | 4. `decay_steps` | 2 |
# | 5. which is faster, and why, in three sentences | 3 |
#
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others.

# %%
import os
import time

import cifarlab  # not found? docs/run-online.md
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.plotting import figures, plots
from cifarlab.training.strategies import placement

SEED = 0
DEVICES = placement.tower_devices(2, virtual=True)  # before TensorFlow's first operation
dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")
print("Devices for the towers:", *DEVICES)

# %% [markdown]
# As in lesson 6, two *logical devices* on one processor stand for two GPUs. TensorFlow makes them only before its first
# operation; if the cell complains, restart the kernel.
#
# In task 5 the whole step is compiled by `tf.function`. So write tasks 1 to 3 with TensorFlow's operations, without
# numpy or `.numpy()`, and without a `tf.function` inside of a tower; their checks try that, too.
#
# ## 1. A share for each tower
#
# Each tower gets its own images, with their labels: of 128 images and two towers, images 0 to 63 and 64 to 127. Lesson
# 6 showed what happens where this goes wrong: nothing that one could see. So refuse what cannot be shared equally, with
# a `ValueError` that names both numbers, of images and of towers.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.split` cuts a tensor into equal parts along its first axis. How many images a batch holds is `images.shape[0]`,
# and `%` gives the remainder of a division.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Look at the remainder first, and raise. Then cut images and labels separately; that gives two lists. `zip` takes one
# item of each at a time, which makes the pairs.
#
# </details>


# %% nbgrader={"grade_id": "shares", "solution": true}
def shares(images: tf.Tensor, labels: tf.Tensor, towers: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """A batch shared out: a list with a pair (images, labels) for each tower, in the batch's order.

    Args:
        images, labels: float32[B, 24, 24, 3] and int32[B].
        towers: how many; each gets B / towers consecutive images and their labels.

    Raises:
        ValueError: B is no multiple of `towers`; it names both numbers.
    """
    ### BEGIN SOLUTION
    if images.shape[0] % towers:
        raise ValueError(f"{towers} towers cannot share {images.shape[0]} images equally.")
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
    ### END SOLUTION


# %% nbgrader={"grade_id": "shares-check", "grade": true, "locked": true, "points": 2}
teaching.check_shares(shares)

# %% nbgrader={"grade_id": "shares-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_shares(shares, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The mean over the towers
#
# Each tower hands in a list of gradients, one for each variable of the network. The update needs one list: for each
# variable the mean of what the towers say. The variables of a network have different shapes, and there may be more
# towers than two.
#
# <details><summary>Hint 1: where to look</summary>
#
# You get a list by tower of lists by variable, and need it the other way round. What does `zip(*tower_gradients)` give?
# `tf.add_n` adds up tensors of one shape.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Go through the variables; for each add up its gradients, one from each tower, and divide by how many they are. Collect
# the results in a list.
#
# </details>


# %% nbgrader={"grade_id": "mean-gradients", "solution": true}
def mean_gradients(tower_gradients: list[list[tf.Tensor]]) -> list[tf.Tensor]:
    """The mean over the towers of each variable's gradient, float32, in the order of the variables.

    Args:
        tower_gradients: by tower, float32 gradients by variable; each tower's have the variables' shapes.
    """
    ### BEGIN SOLUTION
    return [tf.add_n(parts) / len(parts) for parts in zip(*tower_gradients, strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade_id": "mean-gradients-check", "grade": true, "locked": true, "points": 2}
teaching.check_mean_gradients(mean_gradients)

# %% [markdown]
# ## 3. The gradients of a batch, from towers
#
# Now the towers. Each has the whole network, its share of the batch and its device, and computes there the gradients of
# the total loss. The mean over the towers must be what one device computes for the whole batch.
#
# **Predict**, before you write: the total loss holds weight decay, which has nothing to do with images. Each tower
# counts it in full. How often does it count in the mean of two towers? And how often, if somebody adds the towers'
# gradients up and divides only the cross-entropy by the number of all images?
#
# <details><summary>Answer</summary>
#
# Once: the mean of two equal gradients is that gradient. In the sum it counts twice, and the weights shrink twice as
# fast; the check can tell.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# Lesson 6 has a tower of this kind, under "Two towers by hand". `cifarlab.inference(net, images)` gives logits,
# `cifarlab.loss(net, logits, labels)` the losses, of which you need the total; `tf.device` says where to compute.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Go through devices and shares together. For each, inside of `with tf.device(...)`, record logits and total loss with a
# tape, and ask the tape for the gradients with respect to `net.trainable_variables` before you leave the device. Return
# the mean over all towers.
#
# </details>


# %% nbgrader={"grade_id": "tower-gradients", "solution": true}
def tower_gradients(
    net: cifarlab.ConvNet, images: tf.Tensor, labels: tf.Tensor, devices: list[str]
) -> list[tf.Tensor]:
    """The gradients of a batch's total loss, float32, one for each of `net.trainable_variables`.

    Args:
        net: not changed.
        images, labels: float32[B, 24, 24, 3] and int32[B].
        devices: the name of each tower's device, where it computes logits, loss and gradients.
    """
    ### BEGIN SOLUTION
    by_tower = []
    parts = shares(images, labels, len(devices))
    for device, (own_images, own_labels) in zip(devices, parts, strict=True):
        with tf.device(device):
            with tf.GradientTape() as recorded:
                logits = cifarlab.inference(net, own_images)
                total = cifarlab.loss(net, logits, own_labels).total
            by_tower.append(recorded.gradient(total, net.trainable_variables))
    return mean_gradients(by_tower)
    ### END SOLUTION


# %% nbgrader={"grade_id": "tower-gradients-check", "grade": true, "locked": true, "points": 3}
teaching.check_tower_gradients(tower_gradients)

# %% nbgrader={"grade_id": "tower-gradients-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_tower_gradients(tower_gradients, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. When the learning rate falls
#
# The rate is to fall every 350 epochs, that is, each time the network has seen CIFAR-10's 50,000 training images 350
# times. The schedule counts steps. On one GPU with 128 images a step these are 136,718 steps: the fraction of a step
# that is left is cut off. Until November 2018 the tutorial's multi-GPU program divided by the batch size of one GPU,
# whatever the number of GPUs. (That is 128 unless one says otherwise, and lesson 6 said 128 for short.) Write it right.
#
# **Predict:** that old program runs on 2 GPUs with a batch size of 64, as in the tutorial's exercise. After how many
# epochs does its rate fall first?
#
# <details><summary>Answer</summary>
#
# After 700. It counts 64 images a step where two towers take 128. Task 5 prints both numbers of steps.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# How many images does the network see in one step, if each of the towers takes `batch_size` of them?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Divide the images of an epoch by those of a step, multiply by the epochs, and only then cut the fraction off.
#
# </details>


# %% nbgrader={"grade_id": "decay-steps", "solution": true}
def decay_steps(batch_size: int, towers: int) -> int:
    """The number of steps, cut off to a whole one, in which 350 epochs of 50,000 images go by.

    Args:
        batch_size: images of each tower in a step.
        towers: how many.
    """
    ### BEGIN SOLUTION
    return int(50_000 / (batch_size * towers) * 350)
    ### END SOLUTION


# %% nbgrader={"grade_id": "decay-steps-check", "grade": true, "locked": true, "points": 2}
teaching.check_decay_steps(decay_steps)

# %% [markdown]
# ## 5. Which is faster, and why?
#
# Run the next cells; there is nothing to write until the question.
#
# First: are two towers of 64 and one of 128 the same training? The rate must fall at the same step, and the update must
# be the same.

# %%
for batch_size, towers in ((128, 1), (64, 2), (128, 2)):
    steps = decay_steps(batch_size, towers)
    print(f"{towers} x {batch_size} images: the rate falls after {steps:,} steps")
epochs = decay_steps(64, 1) * 2 * 64 / 50_000
print(f"as programmed, 2 x 64: after {decay_steps(64, 1):,} steps, that is {epochs:.0f} epochs")

# %%
images, labels = next(iter(cifarlab.distorted_inputs(dataset, 128, seed=SEED)))


def new_network():
    """The tutorial's network, its variables on the CPU, with the same first weights each time."""
    with tf.device("CPU:0"):
        return cifarlab.ConvNet(dataset.num_classes, dataset.crop_size, seed=SEED)


# %%
def descend(net, images, labels, devices):
    """One update of a network, by gradient descent with a rate of 0.1."""
    gradients = tower_gradients(net, images, labels, devices)
    for variable, gradient in zip(net.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.1 * gradient)


# %%
def largest_difference(one, other):
    """Of any weight of two networks."""
    pairs = zip(one.trainable_variables, other.trainable_variables, strict=True)
    return max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)


# %%
before, one, two, half = (new_network() for _ in range(4))
descend(one, images, labels, DEVICES[:1])
descend(two, images, labels, DEVICES)
descend(half, images[:64], labels[:64], DEVICES[:1])
print("the update moved a weight by more than 0.001:", largest_difference(before, one) > 1e-3)
print("2 x 64 images, within 0.00001 of 1 x 128:", largest_difference(one, two) < 1e-5)
print("1 x 64 images, within 0.00001 of 1 x 128:", largest_difference(one, half) < 1e-5)

# %% [markdown]
# The same update, up to rounding; and the last line shows that this comparison can fail. Now the speed.
#
# A step does two kinds of work. Some of it grows with the images: the convolutions, for example. Some is the same for
# any batch: weight decay, the mean over the towers, the update of 1,068,298 parameters. To see both, we measure steps
# of different sizes, each compiled; one of 2 images does hardly anything but the second kind. The steps take turns, so
# that all meet the same disturbances, and the shortest time of each counts.


# %%
def compiled(count, devices):
    """A step of so many images with a tower on each device, ready to be called."""
    net, batch = new_network(), (images[:count], labels[:count])
    step = tf.function(lambda images, labels: descend(net, images, labels, devices))

    def run():
        step(*batch)
        return net.conv1.biases.numpy()  # a device that works on its own is done when this is here

    return run


# %%
def race(runs, rounds=20):
    """The shortest time of each run, in seconds, after a round that compiles."""
    times = {name: [] for name in runs}
    for _ in range(1 + rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: min(values[1:]) for name, values in times.items()}


# %% [markdown]
# **Predict:** both logical devices are the same processor. How long will a step of two towers with 64 images each take,
# against one tower with 128? And how long one tower with 2 images, a sixty-fourth of them?
#
# <details><summary>Answer</summary>
#
# Two towers take about as long as one. With 2 images a step takes much more than a sixty-fourth of the time of 128: a
# tenth is usual. (If yours differ much, something else may have been running; a cell below says so.)
#
# </details>

# %%
sizes = [2, 32, 64, 128]
runs = {("one tower", size): compiled(size, DEVICES[:1]) for size in sizes}
runs |= {("two towers", size): compiled(size, DEVICES) for size in sizes}
measured = {name: 1000 * seconds for name, seconds in race(runs).items()}

# %%
single, double = ([measured[name, size] for size in sizes] for name in ("one tower", "two towers"))
fixed = single[0]  # a step that has hardly any images
halved = [fixed + (milliseconds - fixed) / 2 for milliseconds in single]

# %%
# NBVAL_IGNORE_OUTPUT
print(f"one tower: {single[-1]:.0f} ms with 128 images, {fixed:.0f} ms with 2")
print(f"two on the same cores: {double[-1]:.0f} ms with 128 images, {double[0]:.0f} ms with 2")
print(f"two with a device each, at best: {halved[-1]:.0f} ms with 128 images,")
print(f"which is {single[-1] / halved[-1]:.2f} times as fast as one tower")
if max(single[-1], double[-1]) > 1.25 * min(single[-1], double[-1]):
    print("Two towers and one differ by more than a quarter: something else was running.")
    print("Run again from the cell `sizes = ...`.")

# %%
curves = {
    "one tower": (sizes, single),
    "two towers on the same cores": (sizes, double),
    "two towers with a device each, at best": (sizes, halved),
}

# %%
figure, (ax,) = figures.subplots(height=3.4)
title = "How long does a step take?"
plots.lines(ax, curves, title=title, x="images a step, of all towers", y="milliseconds")
ax.set_xticks(sizes)
ax.set_ylim(bottom=0)
figures.show(
    figure,
    "Time grows with the images. One tower and two on the same cores take about as long with 128 images; with 2 "
    "images both take some time, too. The curve of two towers with a device each rises half as steeply.",
)

# %% [markdown]
# The third curve is no measurement. It is the first one with the part above the time for 2 images halved, as if each
# device were as fast as both cores together, and as if the second one cost nothing else: no sending of weights and
# gradients, and no waiting.
#
# Last, what the tutorial published for Tesla K20m cards. There each GPU has its own 128 images, and the program prints
# the time of a step divided by the number of GPUs, which is the time for each batch of 128. At best a step of two cards
# takes as long as one of one card. Then a batch of 128 takes half as long: 2 times as fast, and never more. (In your
# own measurement the two share 128 images, so the bound is another one.)

# %%
one_card, two_cards = (0.35, 0.60), (0.13, 0.20)  # seconds a batch: the shortest and the longest
print(f"1 K20m: {one_card[0]:.2f} to {one_card[1]:.2f} s a batch")
print(f"2 K20m: {two_cards[0]:.2f} to {two_cards[1]:.2f} s a batch")
print(f"their middles: {sum(one_card) / sum(two_cards):.1f} times as fast")

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in three sentences, one for each point:** why does a step of two towers on this machine not take half as
# long as one of one tower? How many times as fast would it be at best if each tower had a device of its own, and why
# not 2 times? And how does the published gain compare with 2, the most that a second card can bring with 128 images
# each, and what does that say of the two published rows? (Lesson 6 has more of these rows, under "What does the second
# device bring?".) Name numbers that were measured or printed above in each sentence.
#
# *How it is graded, one point for each sentence:* the first says what the two towers share on this machine (look at
# `DEVICES`), with the times of both at 128 images; the second reads the gain from the first and the third curve at 128
# images, and names what keeps it from 2; the third compares the published gain with its bound, and concludes.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 3}
# Both devices are the same processor, whose cores one tower uses already, so 128 images take about the same time in two
# towers and in one (the first two curves at 128 images, both printed above the figure). With a device each a step would
# at best be as many times as fast as the first curve is above the third there, as printed, which is less than 2 because
# each tower does in full what does not grow with the images, nearly the time for 2 images. The published speeds are 2.9
# times as fast with two cards, more than the 2 that a second card can bring, so the two rows were not measured under
# the same conditions, as lesson 6 says, and to know what the card brings one has to measure both on the same machine
# with the same program.

# %% [markdown]
# ## Recap
#
# - Equal shares and the mean of the towers' gradients make the update of the whole batch; weight decay counts once.
# - Whatever counts steps has to know the images of all towers: the learning rate's schedule, epochs, images/s.
# - A second device shares the work that grows with the images, and nothing else; logical devices share the cores.
#
# **Try next:** give each of the two towers 128 images, as the published runs did. How many times the images/s of one
# tower with 128 can that bring at best, and why more than above? And must the learning rate stay at 0.1 then?
