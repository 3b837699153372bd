# %% [markdown]
# # 6. Several GPUs: how does it scale?
#
# One GPU processes a batch of 128 images per step. With two GPUs you would like to train twice as fast and end with the
# same weights. This lesson builds the tutorial's answer, two *towers*, by hand, proves that they make the same update
# as one big batch, and measures how much the second device helps. Along the way it shows two bugs from the tutorial's
# own multi-GPU programs. Neither of them stops a run or looks wrong on the console.
#
# **You need** lesson 3's loss and learning rate, and to know what a gradient is. You do not need a GPU: we split the
# processor into two *logical devices*. **You will be able to** draw where parameters, towers and updates live; say what
# synchronous and asynchronous updates cost; build towers, read from a graph what runs where, and test that they are
# correct; do the same with `tf.distribute`; and work out what several machines need.
#
# **Time**: 35 minutes to read and try, under a minute to run on two processor cores.

# %%
import collections
import functools
import os
import re
import time

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.backend import tf
from cifarlab.demos import async_sgd, tower_plots
from cifarlab.model import profile
from cifarlab.plotting import figures, plots
from cifarlab.training import schedule, step
from cifarlab.training.strategies import placement, tf_config, towers

# %%
SEED = 0
DEVICES = placement.tower_devices(2, virtual=True)  # before TensorFlow's first operation
dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")
print("Devices for the towers:", *DEVICES)

# %% [markdown]
# TensorFlow can treat one processor as several *logical* devices. They share its cores, so two are not faster than one,
# but placement, names and results are the same as with real devices. TensorFlow only accepts this before its first
# operation, which is why it is done at the top. If the cell raises an error, restart the kernel. On a machine with two
# GPUs, leave out `virtual=True`, and the same cells run on the GPUs.
#
# ## Where everything lives

# %%
figure, (ax,) = figures.subplots(height=3.5)
tower_plots.tower_diagram(ax, title="Where do parameters, towers and the update live?")
figures.show(
    figure,
    "The batch, the parameters and the update are on the CPU. Two towers, one on each GPU, each get half of the "
    "images and read all parameters. Their gradients go to the update, which changes the parameters.",
)

# %% [markdown]
# A *tower* is the whole network with its loss and gradients, for its own share of the batch, on its own device. There
# is only one set of parameters, and it is on the CPU: every tower reads it, and only the update writes it. (In
# TensorFlow 1 you had to request "the same variables again" explicitly, with `tf.get_variable` inside a variable scope
# and `reuse_variables()` after the first tower. In TensorFlow 2 the towers simply use the same Python object.)
#
# ## Why wait for one another?
#
# The update in this figure has to wait until all towers are done. It is tempting to let each tower apply its own
# gradients as soon as it has them, and continue without waiting. The first approach is called *synchronous*, the second
# *asynchronous*.
#
# **Predict:** four towers work synchronously, and one of them takes three times as long as the others, because it is an
# older model or because someone else is using it, too. What share of the time are the other three working?
#
# <details><summary>Answer</summary>
#
# One third. Every tower takes as long as the slowest, so three out of four devices are idle for two thirds of the time.
#
# </details>

# %%
one_slow = [1, 1, 1, 3]  # time that each tower takes for its share; a fast one takes 1
waiting = async_sgd.synchronous_schedule(one_slow, until=9)
hurrying = async_sgd.asynchronous_schedule(one_slow, until=9)

# %%
busy = sum(turn.end - turn.start for turn in waiting if turn.tower < 3) / (3 * 9)
print(f"Synchronous: the fast towers work {busy:.0%} of the time.")
print(f"Asynchronous: {len(hurrying)} updates instead of {9 // max(one_slow)},")
print(f"on weights up to {max(turn.staleness for turn in hurrying)} updates old.")

# %%
figure, (upper, lower) = figures.subplots(2, 1, height=5.6)
tower_plots.timeline(upper, waiting, title="Synchronous: who waits for whom?")
tower_plots.timeline(
    lower, hurrying, title="Asynchronous: how old are the weights behind a gradient?"
)
figures.show(
    figure,
    "Top: three towers compute for one unit of time and wait for two, until the slow one is done. Bottom: none "
    "waits, but gradients come from weights 2 or 3 updates old, and from weights 9 updates old in the slow tower.",
    checksum=True,
)

# %% [markdown]
# Asynchronous towers never wait, but they pay in a different currency: while a tower computes, the others change the
# weights. Its gradient points downhill from a place that the weights have already left. Such gradients are called
# *stale*. The numbers in the bars count the updates that happened in between.
#
# ## What do stale gradients cost?
#
# Let us train with them. Real asynchronous runs differ every time, so we create the delay ourselves: each gradient is
# held back and applied some updates later. That takes only one device, and the result is the same each time.
#
# An `AsyncSGDSimulation` (`cifarlab/demos/async_sgd.py`) contains everything we need: a network small enough to train
# in a second, with two convolutions of stride 2 and a softmax layer; 192 batches of 32 training images; and 128 test
# images, which no run trains on. Its method `gradients` computes the gradients of a batch for the current weights, and
# `apply_gradients` updates the weights with whatever gradients it gets, stale ones included.

# %%
simulation = async_sgd.AsyncSGDSimulation(dataset, seed=SEED)

# %% [markdown]
# Now the experiment. A queue holds the gradients that have been computed but not yet applied. With a staleness of 0,
# this is ordinary training. All runs start from the same weights and see the same 160 batches in the same order.


# %%
def stale_run(staleness, rate=0.1):
    """Returns the test loss at every fourth step, with gradients applied this many updates late."""
    simulation.reset()
    held, losses = collections.deque(), []
    for number, (images, labels) in enumerate(simulation.batches[:160]):
        held.append(simulation.gradients(images, labels))
        if len(held) > staleness:
            simulation.apply_gradients(held.popleft(), rate)
        if number % 4 == 0:
            losses.append(simulation.test_loss())
    return losses


# %% [markdown]
# **Predict:** the gradients are correct, just late. With 4 towers of equal speed each gradient is 3 updates old, with
# 16 towers 15. Will such runs learn equally well, only a little later? Or will they be worse?
#
# <details><summary>Answer</summary>
#
# Worse, and by a lot. A late gradient corrects an error that others have corrected in the meantime, so the weights
# overshoot, and the correction of that comes late, too. The later the gradients, the smaller the learning rate has to
# be.
#
# </details>

# %%
runs = {f"{staleness} updates old": stale_run(staleness) for staleness in (0, 3, 15)}
runs["15 updates old, rate 0.01"] = stale_run(15, rate=0.01)
curves = {name: (range(0, 160, 4), losses) for name, losses in runs.items()}

# %%
figure, (ax,) = figures.subplots(height=3.4)
quantities = {"x": "step", "y": "test cross-entropy (nats)"}
plots.lines(ax, curves, title="How late may a gradient be?", **quantities)
ax.set_ylim(1.7, 2.6)
figures.show(
    figure,
    "With fresh gradients the loss falls. With gradients 3 updates old it falls more slowly and jumps; at 15 it stays "
    "near ln 10 = 2.30, the loss of guessing. With a tenth of the rate, gradients 15 updates old work, but slowly.",
)

# %%
fresh, late, very_late, careful = (np.mean(losses[-5:]) for losses in runs.values())
print("fresh gradients learn more than late ones:", bool(fresh < late - 0.05))
print("with gradients 15 updates old, nothing is learned:", bool(very_late > 2.25))
print("a tenth of the learning rate fixes that:", bool(careful < very_late - 0.03))

# %% [markdown]
# So asynchronous updates are not free. They work with a smaller rate, but then each update achieves less. (The peaks at
# the beginning are cut off in the figure: three or fifteen updates in the same direction are too many.)
#
# What do you get in return? Time. The next runs follow the schedules from above, with four towers and 32 images each,
# and are plotted over time instead of steps. A synchronous update applies the mean of four gradients. An asynchronous
# tower applies only its own gradient, computed for the weights that it read when it started.

# %%
equal = async_sgd.synchronous_schedule([1, 1, 1, 1], until=48)
slowed = async_sgd.synchronous_schedule(one_slow, until=48)
hurried = async_sgd.asynchronous_schedule(one_slow, until=48)
over_time = {
    "synchronous, all equal": simulation.run(equal),
    "synchronous, one slow tower": simulation.run(slowed),
    "asynchronous, one slow tower": simulation.run(hurried),
}

# %%
figure, (ax,) = figures.subplots(height=3.4)
quantities = {"x": "time (1 = one step of a fast tower)", "y": "test cross-entropy (nats)"}
plots.lines(ax, over_time, title="What does one slow tower cost?", **quantities)
ax.set_ylim(1.7, 2.6)
figures.show(
    figure,
    "Synchronous towers of equal speed learn fast. With one slow tower they make a third of the updates and fall "
    "behind. Asynchronous towers make ten times as many updates as those, and their loss jumps up and down.",
)

# %%
print("updates:", *(len(times) for times, _ in over_time.values()))
all_equal, one_slow_one, jumping = (losses for _, losses in over_time.values())
print("one slow tower costs progress:", one_slow_one[-1] > all_equal[-1] + 0.03)
highest = {name: max(np.diff(losses)) for name, (_, losses) in over_time.items()}
print("largest jump in the loss:", max(highest, key=highest.get))

# %% [markdown]
# Neither approach is free. Synchronous towers lose the time spent waiting for the slowest one. Asynchronous towers lose
# part of the value of each update, and no two runs are alike. The GPUs of one machine are usually equal, so the
# tutorial waits. So do we, and waiting has another advantage: the result can be checked exactly, as we will see.
#
# ## Two towers by hand
#
# Now the tutorial's own network. A tower is what you already know, network, loss and gradients, wrapped in one line
# that says on which device it runs and under which name. The gradients are computed inside, too. Otherwise their
# operations would not be assigned to any device.


# %%
def new_state():
    """Creates the tutorial's network on the CPU, with the same initial weights each time."""
    with tf.device(towers.CPU):
        net = cifarlab.ConvNet(dataset.num_classes, dataset.crop_size, seed=SEED, fast_ops=False)
        return cifarlab.TrainState(net)


# %%
def tower(net, number, images, labels):
    """Returns the loss of one share of a batch, and its gradients."""
    with tf.device(DEVICES[number]), tf.name_scope(f"tower_{number}"):
        with tf.GradientTape() as tape:
            logits = cifarlab.inference(net, images)
            total = cifarlab.loss(net, logits, labels).total
        return total, tape.gradient(total, net.trainable_variables)


# %% [markdown]
# The update runs on the CPU. It waits for all towers, takes the mean of their gradients, and updates each variable
# once. `tf.function` turns all of this into one graph. There is no need to start threads: TensorFlow runs operations in
# parallel unless one has to wait for another, and the two towers do not depend on each other.

# %%
by_hand = new_state()


@tf.function
def two_towers(shares):
    """Takes one step, and returns the mean of the losses."""
    net = by_hand.network
    done = [tower(net, number, *share) for number, share in enumerate(shares)]
    losses, gradients = zip(*done, strict=True)
    with tf.device(towers.CPU):
        for variable, *parts in zip(net.trainable_variables, *gradients, strict=True):
            variable.assign_sub(0.1 * tf.add_n(parts) / len(parts))
        return tf.add_n(losses) / len(losses)


# %%
images, labels = next(iter(cifarlab.distorted_inputs(dataset, 128, seed=SEED)))
shares = list(zip(tf.split(images, 2), tf.split(labels, 2), strict=True))
print("shares:", *(share[0].shape for share in shares))
print(f"loss at step 0: {two_towers(shares):.2f}")

# %% [markdown]
# That is all of it, about thirty lines. `fast_ops=False` selects TensorFlow's own convolution and pooling instead of
# cifarlab's fast versions, so that the names in the graph are the ones that you know.
#
# (The tutorial gathered each tower's losses through a *collection*. In TensorFlow 1 any function could add a tensor to
# a named list of the graph, here `losses`, and the program fetched those whose names began with `tower_0`. Here
# functions return what they compute.)
#
# ## Names and places, read from the graph
#
# Are the towers really on two devices? Do not trust the code; ask the graph. Here is `local4`. Its matrix product
# appears once in the forward pass and twice in the backward pass (for its input and for its weights), in each tower.

# %%
graph = two_towers.get_concrete_function(shares).graph
for line in placement.placement_lines(graph):
    if "local4" in line and "(MatMul)" in line:
        print(line)

# %%
places = collections.defaultdict(set)
for operation in graph.get_operations():
    if operation.type.startswith(("Conv2D", "MatMul", "MaxPool", "LRN")):
        name = re.search(r"tower_\d|$", operation.name)[0] or "outside the towers"
        places[name].add(placement.short_device_name(operation.device))
print("heavy operations:", dict(places))

# %%
print(
    "variables:", {placement.short_device_name(variable.device) for variable in by_hand.variables}
)

# %% [markdown]
# Every convolution, pooling and matrix product belongs to a tower and is on that tower's device. All variables are on
# the first CPU, and none of the heavy work is done outside the towers. On two GPUs the same lines show `GPU:0` and
# `GPU:1`. On the command line, `cifarlab multi-gpu --log-device-placement` prints the whole list, as the tutorial's
# flag did.
#
# ## Is it the same update?
#
# Two towers of 64 images should do what one batch of 128 does. The loss is a mean over images, so the gradient of the
# whole batch is the mean of the gradients of two equal halves. Each tower's loss includes the full weight decay, and
# the mean of two equal terms is that term.
#
# **Predict:** will the weights after one update be equal down to the last bit?
#
# <details><summary>Answer</summary>
#
# No. The sums are computed in a different order, and the last bits of a floating-point sum depend on the order. The
# difference must be tiny compared with the update itself, and that is what you test.
#
# </details>

# %%
first, together, in_towers = new_state(), new_state(), new_state()
_ = cifarlab.train_step(together, images, labels)  # one device, 128 images
_ = towers.tower_step(in_towers, images, labels, DEVICES)  # cifarlab's towers, 2 x 64 images


# %%
def largest_difference(one, other):
    """Returns the largest difference between the weights of two states."""
    pairs = zip(one.network.trainable_variables, other.network.trainable_variables, strict=True)
    return max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)


# %% tags=["result"]
print("the update moved a weight by more than 0.001:", largest_difference(first, together) > 1e-3)
for name, state in {"by hand": by_hand, "cifarlab's": in_towers}.items():
    difference = largest_difference(together, state)
    print(f"two towers, {name}: within 0.000005 of one batch of 128: {difference < 5e-6}")

# %% [markdown]
# Both agree with the big batch, up to rounding. `towers.tower_step` is the function that `cifarlab multi-gpu` runs.
# After writing it by hand, you can read it in `cifarlab/training/strategies/towers.py` in a minute. All that it adds
# are the averages of weights and losses. The check above is also one of its tests
# (`tests/training/strategies/test_towers.py`).
#
# ## A bug that looks like a success
#
# In 2017 a change that was meant to speed up the tutorial's multi-GPU program fetched a batch once, outside the loop
# over the GPUs. So every tower got the same images. Here is one step with that bug, with images 0 to 63 used twice:

# %%
with_bug = new_state()
same_images, same_labels = tf.tile(images[:64], [2, 1, 1, 1]), tf.tile(labels[:64], [2])
_ = towers.tower_step(with_bug, same_images, same_labels, DEVICES)
# %% [markdown]
# **Predict:** what would you see on the console? And which update does this step make?
#
# <details><summary>Answer</summary>
#
# On the console all is well. The loss falls, there is no error, and images/s counts 128 per step. But the update is
# that of a single tower with 64 images: the second one computes the same gradient again, and the mean of two equal
# gradients is that gradient. You pay for two GPUs and get the learning of one.
#
# </details>

# %%
half = new_state()
_ = cifarlab.train_step(half, images[:64], labels[:64])
print(
    "with the bug, same update as with 128 images:", largest_difference(with_bug, together) < 5e-6
)
print("with the bug, same update as with 64 images:", largest_difference(with_bug, half) < 5e-6)


# %%
def moves(state):
    """Returns the change of every tenth weight of conv1 in the update, in units of 0.0001."""
    moved = state.network.conv1.weights - first.network.conv1.weights
    return 1e4 * np.ravel(moved)[::10]


# %%
figure, (left, right) = figures.subplots(1, 2, height=4.4)
axes = {"x": "change by one batch of 128 (0.0001)", "y": "change by two towers (0.0001)"}
title = "Different images: same update?"
plots.agreement(left, moves(together), moves(in_towers), title=title, **axes)
title = "Same 64 images: same update?"
plots.agreement(right, moves(together), moves(with_bug), title=title, **axes)
figures.show(
    figure,
    "Changes of conv1's weights in one update. Left: with a different share for each tower, all points are on the "
    "diagonal of equal changes. Right: with the same images for both, they are scattered around it.",
)

# %% [markdown]
# Only a comparison with the big batch reveals this bug. That is why you should write such a test before the first long
# run.
#
# ## A bug that shows up after the last published step
#
# The learning rate is supposed to drop by a factor of 10 every 350 epochs. An epoch is 50,000 images, and the schedule
# counts steps, so the program has to know how many images a step takes. Until November 2018 the tutorial's multi-GPU
# program used 128, no matter how many GPUs there were.

# %%
for gpus in (1, 2, 4):
    programmed = schedule.decay_steps(50_000, 128)
    right = schedule.decay_steps(50_000, 128 * gpus)
    epochs = programmed * 128 * gpus / 50_000
    print(f"{gpus} GPU: {programmed:,} steps are {epochs:,.0f} epochs; correct: {right:,} steps")

# %%
epochs = np.linspace(0, 1500, 1501)
falling = {}
for name, gpus in {"correct": 1, "as programmed, 2 GPUs": 2, "as programmed, 4 GPUs": 4}.items():
    falling[name] = (epochs, schedule.learning_rate(epochs * 50_000 / (128 * gpus)).numpy())
published = 30_000 * 4 * 128 / 50_000
print(f"the published 30,000 steps on 4 GPUs are {published:.0f} epochs")

# %%
figure, (ax,) = figures.subplots(height=2.8)
title = "When does the learning rate fall in the tutorial's program?"
ax.axvspan(0, published, color="#E8E8E8", zorder=0, label="the published runs")
plots.lines(ax, falling, title=title, x="epochs", y="learning rate")
ax.set_yscale("log")
figures.show(
    figure,
    "The correct rate drops to a tenth every 350 epochs. With 2 GPUs the tutorial's program keeps the rate for 700 "
    "epochs, with 4 for 1,400. The published runs ended before the first of these drops.",
)

# %% [markdown]
# The published multi-GPU runs took 30,000 steps, about 307 epochs on four GPUs, and so they ended before any decay,
# correct or not. A bug in code that runs later than all tests can survive for a long time. `cifarlab` counts the images
# of all towers (`make_state` in `cifarlab/training/state.py`).
#
# ## How much does the second device help?
#
# **Predict:** our two devices are one processor. How long will a step of two towers with 64 images take, compared with
# one step with 128? And what if one tower sleeps for 0.3 s in each step?
#
# <details><summary>Answer</summary>
#
# About as long: the cores are the same, and TensorFlow uses both of them for a single tower, too. With the sleeping
# tower a step takes at least 0.3 s, and the other tower waits. (If your figure shows a large difference between the
# first two, something else was running, so run the cell again. The three take turns, so that any disturbance affects
# all of them.)
#
# </details>


# %%
def rest(images):
    """Sleeps for 0.3 s."""
    time.sleep(0.3)
    return images


@tf.function
def one_rests(shares):
    """Takes a step with our two towers, of which the last gets its images late."""
    *others, (images, labels) = shares
    rested = tf.ensure_shape(tf.numpy_function(rest, [images], tf.float32), images.shape)
    return two_towers([*others, (rested, labels)])


# %%
def race(steps, rounds=2):
    """Returns the shortest time of each step in seconds; the first round only compiles."""
    times = {name: [] for name in steps}
    for _ in range(1 + rounds):
        for name, run in steps.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: min(values[1:]) for name, values in times.items()}


# %%
one = tf.function(functools.partial(cifarlab.train_step, new_state()))
two = tf.function(functools.partial(towers.tower_step, new_state(), devices=DEVICES))
steps = {
    "one tower of 128": lambda: one(images, labels),
    "two towers of 64": lambda: two(images, labels),
    "two, one sleeps 0.3 s": lambda: one_rests(shares),
}
measured = race(steps)

# %%
figure, (ax,) = figures.subplots(height=2.8)
plots.bars(ax, measured, title="How long does a step of 128 images take?", y="seconds")
figures.show(figure, "Seconds per step of one tower, of two, and of two of which one sleeps.")
print("the sleeping tower holds up the step:", measured["two, one sleeps 0.3 s"] > 0.3)

# %% [markdown]
# Logical devices show everything about towers except speed. For speed, here are the numbers that the tutorial published
# for Tesla K20m cards. Mind the unit: its multi-GPU program prints the duration of a step divided by the number of
# GPUs. So these are seconds per batch of 128, and with perfect scaling the second GPU would cut them in half.

# %%
published = {1: (0.35, 0.60), 2: (0.13, 0.20), 3: (0.13, 0.18), 4: (0.10, 0.10)}
for gpus, (fast, slow) in published.items():
    factor = (0.35 + 0.60) / (fast + slow)
    print(f"{gpus} x K20m: {fast:.2f} to {slow:.2f} s per batch, {factor:.1f} times as fast as one")

# %% [markdown]
# Two GPUs almost three times as fast as one? A second device cannot do more than double the speed. The rows were not
# measured under the same conditions, and from two to three GPUs there is hardly any difference. If you want to know how
# a program scales, measure both sides on the same machine, within the same hour, with the same versions.
# `benchmarks/README.md` has such a measurement of one and two towers on two cores: they differ by 3 %.
#
# ## The same with tf.distribute
#
# TensorFlow 2 has its own engine for this, with its own terms: a tower is called a *replica*, and each replica has a
# *copy* of all variables on its own device. There is no update on the CPU. An *all-reduce* gives every replica the mean
# of the gradients, every replica makes the same update, and so the copies stay equal.

# %%
one_place = tf.distribute.ReductionToOneDevice()
strategy = tf.distribute.MirroredStrategy(DEVICES, cross_device_ops=one_place)
with strategy.scope():
    mirrored = new_state()


# %%
def replica_step(images, labels):
    """Takes one step on a replica's share of the batch."""
    mine = step.losses_and_gradients(mirrored, images, labels)
    context = tf.distribute.get_replica_context()
    flat = context.all_reduce("MEAN", tf.nest.flatten(mine))
    step.apply_update(mirrored, *tf.nest.pack_sequence_as(mine, flat))


# %%
parts = strategy.experimental_distribute_values_from_function(
    lambda context: shares[context.replica_id_in_sync_group]
)
tf.function(lambda: strategy.run(replica_step, args=parts))()

# %%
copies = strategy.experimental_local_results(mirrored.network.conv1.weights)
print(
    "copies of conv1's weights on:", *(placement.short_device_name(copy.device) for copy in copies)
)
print(
    "replicas make the same update as with 128 images:",
    largest_difference(mirrored, together) < 5e-6,
)

# %% [markdown]
# The strategy, its scope, the replica's share, the all-reduce and `run`: these five lines are the difference from
# training on one device. The network has to be created inside the scope, because that is where its copies are made.
# (`ReductionToOneDevice` adds up gradients on one device. The default for CPUs is designed for several processes, and
# fails if one process uses two strategies of different sizes. Leave it out for GPUs.)
#
# On the command line: `cifarlab train --num-gpus 2 --strategy mirrored`.
#
# ## What several machines need
#
# The step stays the same, but now each replica is a process on a separate machine. Three things are new.
#
# **An address book.** Every process has to know all the others, and which one it is itself. TensorFlow's standard for
# this is the environment variable `TF_CONFIG`. All machines get the same list, and each gets its own index:

# %%
print(tf_config.TF_CONFIG_EXAMPLE)
worker = tf_config.parse_tf_config(tf_config.TF_CONFIG_EXAMPLE)
print(f"worker {worker.index} of {len(worker.addresses)}, at {worker.addresses[0]}")

# %% [markdown]
# **A share of each batch.** Worker 0 and worker 1 both read the records in the same order, but each decodes and
# distorts only its own part of each batch. If two workers had the same images, it would be the bug from above again, in
# a place where it is even harder to see. Let us play both workers in turn:

# %%
halves = []
for index in range(2):
    share_of_worker = cifarlab.distorted_inputs(dataset, 128, seed=SEED, shard=(index, 2))
    halves.append(next(iter(share_of_worker)))
joined = np.concatenate([half_images for half_images, _ in halves])
print("each worker's share:", halves[0][0].shape)
print("joined, they equal the batch of one process:", np.allclose(joined, images, atol=1e-5))

# %% [markdown]
# **A network.** In each step every worker sends its gradients and receives their mean. There is one gradient value per
# parameter, with four bytes each. In an all-reduce around a ring of N workers, each worker sends and receives 2 (N - 1)
# / N times that amount.

# %%
gradients = 4 * profile.count_parameters(first.network)
machines = np.arange(1, 17)
carried = 2 * (machines - 1) / machines * gradients
print(f"Gradients: {gradients / 1e6:.2f} MB per step")
for count in (2, 4, 16):
    print(f"{count} machines: each sends {carried[count - 1] / 1e6:.2f} MB per step")

# %%
STEP = 0.1  # seconds of computing per 128 images: two processor cores, or an old GPU
scaling = {"sending is free": (machines, machines)}
for name, gigabits in {"10 Gbit/s": 10, "1 Gbit/s": 1, "0.1 Gbit/s": 0.1}.items():
    sending = carried * 8 / (gigabits * 1e9)
    scaling[name] = (machines, machines * STEP / (STEP + sending))

# %%
figure, (ax,) = figures.subplots(height=3.2)
quantities = {"x": "machines, 128 images each", "y": "speed relative to one machine"}
plots.lines(ax, scaling, title="How much faster are several machines?", **quantities)
figures.show(
    figure,
    "With 10 Gbit/s the line stays close to the ideal. With 1 Gbit/s 16 machines do the work of about ten, with 0.1 "
    "Gbit/s that of about two, and two machines do less work than one.",
    checksum=True,
)

# %%
for name in ("10 Gbit/s", "1 Gbit/s", "0.1 Gbit/s"):
    speeds = scaling[name][1]
    print(f"{name}: 2 machines {speeds[1]:.2f}, 16 machines {speeds[15]:.1f} times as fast as one")

# %% [markdown]
# This is a model, not a measurement: it assumes that sending starts after computing has finished. But it shows what
# matters. On a slow network a second machine makes training slower. Sending takes the same time for any batch size, so
# slow networks call for large batches. And a fast GPU, which finishes its share sooner, needs a faster network. The
# other price of many machines is in the update itself: 16 machines with 128 images each make one update of 2,048
# images, and a learning rate that was right for 128 may not be right for that.
#
# To try it, open two terminals. In each, set `TF_CONFIG` with the addresses `127.0.0.1:2222` and `127.0.0.1:2223` and
# the index 0 or 1. Then run this command in both:
#
# ```
# cifarlab train --dataset drawn --strategy multi-worker --batch-size 64 --max-steps 100
# ```
#
# They end with the same weights as one process with batches of 128 (tested, with smaller batches, in
# `tests/training/strategies/test_distributed.py`). This notebook does not start them for you, because TensorFlow's
# workers listen on all of a machine's networks and trust everyone who can reach them. `docs/cluster.md` covers what
# else you need to know: GPUs, data, checkpoints, the failure of a worker, Kubernetes and Slurm.
#
# ## Recap
#
# - Towers share one set of parameters on the CPU. Each computes gradients for its share, and one update applies their
#   mean. Two towers of 64 make the same update as one batch of 128, up to rounding, and you can test it.
# - Waiting for the slowest tower costs time. Not waiting costs stale gradients and smaller learning rates.
# - More devices only help where computing takes longer than sending, and only a side-by-side measurement tells you.
#
# **Try next:** run `stale_run(15)` with other rates and find the largest one that still learns. Or make four towers:
# write 4 in the second cell, restart the kernel, and split the batch into four shares.
#
# **Exercise:** [05_two_gpus](../exercises/05_two_gpus.ipynb). **Next lesson:**
# [07_your_own_data](07_your_own_data.ipynb), from your own images to a classifier. For several machines, see
# [docs/cluster.md](../docs/cluster.md).
