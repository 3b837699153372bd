# %% [markdown]
# # Exercise 5. Two GPUs with 64 images each, or one with 128: which, and why?
#
# The tutorial says: *the default settings for `cifar10_train.py` is to run on a batch size of 128. Try running
# `cifar10_multi_gpu_train.py` on 2 GPUs with a batch size of 64 and compare the training speed.* You will do that with
# towers that you write yourself. Before you can compare speeds, you must be certain that both setups do the same work.
# So you build the step from its parts, prove that its update equals that of the whole batch, and fix a bug of the
# tutorial's program on the way. Then you measure, and find out what to make of the speeds that the tutorial published.
#
# **Continues** lesson 6, several GPUs. **Time**: 60 minutes. **Difficulty**: 2 of 3. You do not need a GPU.
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
# Below each task, a check tells you at once whether your answer is correct and, if not, what was expected, what your
# code returned and the likely cause. (The last task is a question that you answer in words.) The checks use the same
# numbers every time. When your notebook is graded, some of them run again with different numbers.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")
print("Devices for the towers:", *DEVICES)

# %% [markdown]
# As in lesson 6, two *logical devices* on one processor stand in for two GPUs. TensorFlow can only create them before
# its first operation. If the cell reports an error, restart the kernel.
#
# In task 5, `tf.function` compiles the whole step. So in tasks 1 to 3, use TensorFlow operations, without numpy,
# without `.numpy()`, and without a `tf.function` inside a tower. The checks of these tasks test this, too.
#
# ## 1. A share for each tower
#
# Each tower gets its own images with their labels: with 128 images and two towers, images 0 to 63 and images 64 to 127.
# In lesson 6 you saw what happens if this goes wrong: nothing that you would notice. So reject any batch that cannot be
# divided equally, with a `ValueError` that states both numbers: that of the images and that of the towers.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.split` cuts a tensor into equal parts along its first axis. The number of images in a batch is `images.shape[0]`,
# and `%` gives the remainder of a division.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# First check the remainder, and raise the error if there is one. Then split the images and the labels separately, which
# gives you two lists. `zip` combines them into pairs.
#
# </details>


# %% nbgrader={"grade_id": "shares", "solution": true}
def shares(images: tf.Tensor, labels: tf.Tensor, towers: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Splits a batch; returns a list with one pair (images, labels) per tower, in batch order.

    Args:
        images, labels: float32[B, 24, 24, 3] and int32[B].
        towers: the number of towers; each gets B / towers consecutive images and their labels.

    Raises:
        ValueError: B is not a multiple of `towers`; the message states both numbers.
    """
    ### BEGIN SOLUTION
    if images.shape[0] % towers:
        raise ValueError(f"{images.shape[0]} images cannot be split into {towers} equal shares.")
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
    ### END SOLUTION


# %% nbgrader={"grade_id": "shares-check", "grade": true, "locked": true, "points": 2}
teaching.check_shares(shares)

# %% nbgrader={"grade_id": "shares-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_shares(shares, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The mean over the towers
#
# Each tower returns a list of gradients, one for each variable of the network. The update needs a single list, with the
# mean over the towers for each variable. The variables of a network have different shapes, and there may be more than
# two towers.
#
# <details><summary>Hint 1: where to look</summary>
#
# You get one list per tower, with one gradient per variable in each. You need it the other way round. What does
# `zip(*tower_gradients)` give you? `tf.add_n` adds tensors of the same shape.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Loop over the variables. For each of them, add its gradients, one from each tower, and divide by how many there are.
# Collect the results in a list.
#
# </details>


# %% nbgrader={"grade_id": "mean-gradients", "solution": true}
def mean_gradients(tower_gradients: list[list[tf.Tensor]]) -> list[tf.Tensor]:
    """Returns the mean over the towers of each variable's gradient, float32, in variable order.

    Args:
        tower_gradients: one list per tower, with one float32 gradient per variable, of the variable's shape.
    """
    ### BEGIN SOLUTION
    return [tf.add_n(parts) / len(parts) for parts in zip(*tower_gradients, strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade_id": "mean-gradients-check", "grade": true, "locked": true, "points": 2}
teaching.check_mean_gradients(mean_gradients)

# %% [markdown]
# ## 3. The gradients of a batch, from towers
#
# Now the towers. Each one has the whole network, its share of the batch and its device, and computes the gradients of
# the total loss on that device. The mean over the towers must equal what one device computes for the whole batch.
#
# **Predict**, before you write any code: the total loss includes weight decay, which does not depend on the images.
# Each tower counts it in full. How many times does it count in the mean of two towers? And how many times does it count
# if you add up the towers' gradients instead, and only divide the cross-entropy by the number of all images?
#
# <details><summary>Answer</summary>
#
# In the mean, once: the mean of two equal gradients is that same gradient. In the sum, twice, so the weights would
# shrink twice as fast. The check can detect this.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# Lesson 6 builds two such towers by hand. `cifarlab.inference(net, images)` returns the logits, and
# `cifarlab.loss(net, logits, labels)` returns the losses, of which you need the total. `tf.device` sets where the
# computation runs.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Loop over devices and shares together. For each pair, inside `with tf.device(...)`, record the logits and the total
# loss with a tape. Before you leave the device, ask the tape for the gradients with respect to
# `net.trainable_variables`. At the end, return the mean over all towers.
#
# </details>


# %% nbgrader={"grade_id": "tower-gradients", "solution": true}
def tower_gradients(
    net: cifarlab.ConvNet, images: tf.Tensor, labels: tf.Tensor, devices: list[str]
) -> list[tf.Tensor]:
    """Returns the gradients of a batch's total loss, float32, one per `net.trainable_variables`.

    Args:
        net: the network; do not change it.
        images, labels: float32[B, 24, 24, 3] and int32[B].
        devices: the name of each tower's device, which computes its logits, loss and gradients.
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
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_tower_gradients(tower_gradients, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. When the learning rate falls
#
# The learning rate should fall every 350 epochs, that is, each time the network has seen CIFAR-10's 50,000 training
# images 350 times. But the schedule counts steps. On one GPU with 128 images per step, 350 epochs are 136,718 steps,
# with the fraction dropped. Until November 2018, the tutorial's multi-GPU program divided by the batch size of one GPU,
# regardless of the number of GPUs. (That batch size is 128 by default, and lesson 6 used this number for short.) Write
# a correct version.
#
# **Predict:** someone runs the old program on 2 GPUs with a batch size of 64, as in the tutorial's exercise. After how
# many epochs does the rate fall for the first time?
#
# <details><summary>Answer</summary>
#
# After 700. The program counts 64 images per step, but two towers use 128. Task 5 prints both numbers of steps.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# How many images does the network see in one step, if each tower uses `batch_size` of them?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Divide the images per epoch by the images per step, multiply by the number of epochs, and only then drop the fraction.
#
# </details>


# %% nbgrader={"grade_id": "decay-steps", "solution": true}
def decay_steps(batch_size: int, towers: int) -> int:
    """Returns the number of steps in 350 epochs of 50,000 images, rounded down.

    Args:
        batch_size: images per tower and step.
        towers: the number of towers.
    """
    ### BEGIN SOLUTION
    return int(50_000 / (batch_size * towers) * 350)
    ### END SOLUTION


# %% nbgrader={"grade_id": "decay-steps-check", "grade": true, "locked": true, "points": 2}
teaching.check_decay_steps(decay_steps)

# %% [markdown]
# ## 5. Which is faster, and why?
#
# Run the next cells. There is nothing to write until the question.
#
# First: is training with two towers of 64 images the same as training with one tower of 128? The rate must fall at the
# same step, and the update must be the same.

# %%
for batch_size, towers in ((128, 1), (64, 2), (128, 2)):
    steps = decay_steps(batch_size, towers)
    print(f"{towers} x {batch_size} images: the rate falls after {steps:,} steps")
epochs = decay_steps(64, 1) * 2 * 64 / 50_000
print(f"old program, 2 x 64: after {decay_steps(64, 1):,} steps, which are {epochs:.0f} epochs")

# %%
images, labels = next(iter(cifarlab.distorted_inputs(dataset, 128, seed=SEED)))


def new_network():
    """Returns the tutorial's network, with variables on the CPU and always the same initial weights."""
    with tf.device("CPU:0"):
        return cifarlab.ConvNet(dataset.num_classes, dataset.crop_size, seed=SEED)


# %%
def descend(net, images, labels, devices):
    """Updates a network once, by gradient descent with a rate of 0.1."""
    gradients = tower_gradients(net, images, labels, devices)
    for variable, gradient in zip(net.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.1 * gradient)


# %%
def largest_difference(one, other):
    """Returns the largest difference between corresponding weights of two networks."""
    pairs = zip(one.trainable_variables, other.trainable_variables, strict=True)
    return max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)


# %%
before, one, two, half = (new_network() for _ in range(4))
descend(one, images, labels, DEVICES[:1])
descend(two, images, labels, DEVICES)
descend(half, images[:64], labels[:64], DEVICES[:1])
print("the update moved a weight by more than 0.001:", largest_difference(before, one) > 1e-3)
print("2 x 64 images are within 0.00001 of 1 x 128:", largest_difference(one, two) < 1e-5)
print("1 x 64 images are within 0.00001 of 1 x 128:", largest_difference(one, half) < 1e-5)

# %% [markdown]
# The update is the same, up to rounding. The last line shows that this comparison can fail. Now for the speed.
#
# A step does two kinds of work. Some of it grows with the number of images, for example the convolutions. Some of it is
# the same for any batch: weight decay, the mean over the towers, the update of 1,068,298 parameters. To tell the two
# apart, we measure compiled steps of different sizes. A step with 2 images does almost nothing but the second kind of
# work. The configurations are measured in turn, so that all of them meet the same disturbances, and we keep the
# shortest time of each.


# %%
def compiled(count, devices):
    """Returns a function that runs a compiled step of `count` images, with one tower per device."""
    net, batch = new_network(), (images[:count], labels[:count])
    step = tf.function(lambda images, labels: descend(net, images, labels, devices))

    def run():
        step(*batch)
        return net.conv1.biases.numpy()  # waits until the devices are done

    return run


# %%
def race(runs, rounds=5):
    """Returns each run's shortest time, in seconds; an extra first round compiles."""
    times = {name: [] for name in runs}
    for _ in range(1 + rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: min(values[1:]) for name, values in times.items()}


# %% [markdown]
# **Predict:** both logical devices are the same processor. How long will a step of two towers with 64 images each take,
# compared with one tower with 128? And how long will a step of one tower with 2 images take, which is a sixty-fourth of
# the images?
#
# <details><summary>Answer</summary>
#
# Two towers take about as long as one. With 2 images, a step takes much more than a sixty-fourth of the time for 128: a
# tenth is typical. (If your times differ a lot from this, something else may have been running. A cell below tells
# you.)
#
# </details>

# %%
sizes, ends = [2, 64, 128], [2, 128]
runs = {("one tower", size): compiled(size, DEVICES[:1]) for size in sizes}
runs |= {("two towers", size): compiled(size, DEVICES) for size in ends}
measured = {name: 1000 * seconds for name, seconds in race(runs).items()}

# %%
single = [measured["one tower", size] for size in sizes]
double = [measured["two towers", size] for size in ends]
fixed = single[0]  # a step with hardly any images
halved = [fixed + (milliseconds - fixed) / 2 for milliseconds in single]

# %%
# NBVAL_IGNORE_OUTPUT
print(f"one tower: {single[-1]:.0f} ms with 128 images, {fixed:.0f} ms with 2")
print(f"two towers, same cores: {double[-1]:.0f} ms with 128 images, {double[0]:.0f} ms with 2")
print(f"two towers, one device each, at best: {halved[-1]:.0f} ms with 128 images,")
print(f"which is {single[-1] / halved[-1]:.2f} times as fast as one tower")
if max(single[-1], double[-1]) > 1.25 * min(single[-1], double[-1]):
    print("One and two towers differ by more than a quarter: something else was running.")
    print("Run again from the cell that starts with `sizes, ends = ...`.")

# %%
curves = {
    "one tower": (sizes, single),
    "two towers on the same cores": (ends, double),
    "two towers with one device each, at best": (sizes, halved),
}

# %%
figure, (ax,) = figures.subplots(height=3.4)
title = "How long does a step take?"
plots.lines(ax, curves, title=title, x="images per step, in all towers", y="milliseconds")
ax.set_xticks(sizes)
ax.set_ylim(bottom=0)
figures.show(
    figure,
    "Time grows with the number of images. With 128 images, one tower and two on the same cores take about equally "
    "long. Even with 2 images, both take some time. The curve for two towers with one device each rises half as "
    "steeply.",
)

# %% [markdown]
# The third curve was not measured. It is the first curve, with the part above the time for 2 images halved. That is
# what you would see if each device were as fast as both cores together, and if the second device cost nothing else: no
# transfer of weights and gradients, and no waiting.
#
# Finally, here is what the tutorial published for Tesla K20m cards. In those runs, each GPU has its own 128 images, and
# the program prints the time of a step divided by the number of GPUs, which is the time per batch of 128. At best, a
# step with two cards takes as long as a step with one card. Then a batch of 128 takes half as long, so two cards are at
# most 2 times as fast. (In your own measurement, the two towers share 128 images, so the bound is different.)

# %%
one_card, two_cards = (0.35, 0.60), (0.13, 0.20)  # seconds per batch: shortest and longest
print(f"1 K20m: {one_card[0]:.2f} to {one_card[1]:.2f} s per batch")
print(f"2 K20m: {two_cards[0]:.2f} to {two_cards[1]:.2f} s per batch")
print(f"comparing midpoints, 2 K20m are {sum(one_card) / sum(two_cards):.1f} times as fast")

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in three sentences, one for each point.** In each sentence, quote numbers that were measured or printed
# above.
#
# - Why does a step with two towers on this machine not take half as long as a step with one?
# - How many times as fast would it be at best if each tower had its own device, and why not 2 times?
# - With 128 images each, a second card can make training at most 2 times as fast. How does the published speedup
#   compare with this bound, and what does that tell you about the two published rows? (Lesson 6 has more of these rows,
#   in its section on the second device.)
#
# *How it is graded, one point for each sentence:* the first says what the two towers share on this machine (look at
# `DEVICES`), with the times of both at 128 images; the second reads the speedup off the first and the third curve at
# 128 images, and states what keeps it below 2; the third compares the published speedup with its bound, and draws a
# conclusion.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 3}
# Both devices are the same processor, and a single tower already uses all of its cores, so 128 images take about the
# same time with two towers as with one (the first two curves at 128 images, both printed above the figure). If each
# tower had its own device, the speedup would at best be the ratio of the first curve to the third at 128 images, as
# printed, which is less than 2 because each tower does all of the work that does not grow with the number of images,
# which takes nearly the time for 2 images. According to the published times, two cards are 2.9 times as fast, more than
# the 2 that a second card can give, so the two rows were not measured under the same conditions, as lesson 6 says, and
# to know what a second card gives, you have to measure both cases on the same machine with the same program.

# %% [markdown]
# ## Recap
#
# - Equal shares and the mean of the towers' gradients give the update of the whole batch. Weight decay counts once.
# - Everything that counts steps has to know the number of images in all towers: the learning rate schedule, epochs,
#   images/s.
# - A second device shares only the work that grows with the number of images. Logical devices share the same cores.
#
# **Try next:** give each of the two towers 128 images, as in the published runs. At best, how many times the images/s
# of one tower with 128 images can they reach, and why is this more than above? And should the learning rate stay at 0.1
# then?
