# %% [markdown]
# # Exercise 2. Locally connected layers: does it help to give each position its own weights?
#
# The tutorial says: *the top layers of Alex's original model are locally connected and not fully connected; try editing
# the architecture to exactly reproduce the locally connected architecture in the top layer.* You will build such a
# layer, show that it becomes a convolution when its weights are tied, put it into the network, count what it costs, and
# train both networks for the same number of steps. The original model is cuda-convnet, and two versions of it are in
# circulation. You will build the following one. It comes after `pool2`, which outputs 6 x 6 positions with 64 channels:
#
# | layer | what it is | stddev | weight decay | initial biases |
# | --- | --- | ---: | ---: | ---: |
# | `local3` | locally connected, 3 x 3, 64 to 64 channels, stride 1, SAME padding, ReLU | 0.04 | 0.004 | 0.1 |
# | `local4` | locally connected, 3 x 3, 64 to 32 channels, stride 1, SAME padding, ReLU | 0.04 | 0.004 | 0.1 |
# | `softmax_linear` | fully connected, 1,152 to 10 | 1/1152 | none | 0 |
#
# Each position has its own weights and its own biases, and the whole network has 2,112,970 parameters. The first two
# rows are taken from cuda-convnet (`layers-conv-local-11pct`). Its file does not specify the biases, so we use 0.1, the
# initial value in the tutorial's `local3` and `local4`. The last row follows the tutorial: a stddev of one over the
# number of inputs, and no weight decay. The other version of cuda-convnet has 32 channels in `local3`.
#
# **Continues** lesson 2, the inference graph. **Time**: 75 minutes. **Difficulty**: 2 of 3.
#
# **Hand in** this notebook, with two functions and two classes written and one question answered. **Points**: 15.
#
# | task | points |
# | --- | ---: |
# | 1. `locally_connected` | 4 |
# | 2. `LocalLayer` | 3 |
# | 3. `LocallyConnected` | 3 |
# | 4. `size_and_work` | 2 |
# | 5. what the network gains and what it costs, in three sentences | 3 |
#
# Below each task, a check tells you at once whether your answer is correct and, if not, what was expected, what your
# code returned and the likely cause. (The last task is a question that you answer in words.) The checks use the same
# numbers every time. When your notebook is graded, some of them run again with different numbers.

# %%
import os
import statistics
import tempfile

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.model import network, profile
from cifarlab.plotting import figures, plots
from cifarlab.training import run_log

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## 1. Separate weights for each position
#
# A 3 x 3 convolution has a single set of weights, 3 x 3 x in x out, and uses it at every position. A locally connected
# layer computes the same sum, but with a different set of weights at each position. The result at row $r$, column $c$,
# channel $o$ is
#
# $$b_{rco} + \sum_{i=0}^{2} \sum_{j=0}^{2} \sum_{k} v_{r+i-1,\,c+j-1,\,k} \; w_{rcijko}$$
#
# where $v$ is the input map, $k$ runs over its channels, and $v$ is zero outside the border (SAME padding). Keras 3 and
# TensorFlow do not have such a layer, so you will write it. Training will compile your function and call it many times.
# So use TensorFlow operations, allow the batch size to be unknown (`None`), and accept weights and biases that are
# variables. Do not loop over positions or images, and do not store all the products before you sum them: both are slow.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.einsum` multiplies and sums along axes that you name with letters. `tf.image.extract_patches` collects the nine
# neighbors of each position into one axis. In which order does it put them, and in which order are your weights? If you
# prefer to do it by hand, `tf.pad` puts zeros around a map.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# With patches: reshape the weights to match, so that each position has one long axis in the same order as in the
# patches. Then multiply position by position, and sum over this long axis only.
#
# By hand: handle the nine neighbors one at a time. For the upper left neighbor, for example, cut a map of the original
# size out of the padded one, shifted so that each position holds the values of its upper left neighbor. Multiply it by
# the part of the weights that belongs to this neighbor. Add up the nine results.
#
# In both cases, add the biases at the end.
#
# </details>


# %% nbgrader={"grade_id": "locally-connected", "solution": true}
def locally_connected(values: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
    """Applies a 3 x 3 locally connected layer: stride 1, SAME padding, no activation.

    Args:
        values: float32[B, H, W, in]; B may be unknown.
        weights: float32[H, W, 3, 3, in, out], one set per position, with rows before columns.
        biases: float32[H, W, out].

    Returns:
        float32[B, H, W, out].
    """
    ### BEGIN SOLUTION
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    flat = tf.reshape(weights, [*weights.shape[:2], -1, weights.shape[-1]])  # 9 x in, as in patches
    return tf.einsum("bhwk,hwko->bhwo", patches, flat) + biases
    ### END SOLUTION


# %% nbgrader={"grade_id": "locally-connected-check", "grade": true, "locked": true, "points": 3}
teaching.check_locally_connected(locally_connected)

# %% nbgrader={"grade_id": "locally-connected-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_locally_connected(locally_connected, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now tie the weights: give all 36 positions the same set. **Predict:** what is the result? And what changes in it if
# you double the set of a single position, row 2 and column 3?
#
# <details><summary>Answer</summary>
#
# With tied weights, the layer is a convolution with that set of weights. Doubling the set of one position changes the
# result at this position and nowhere else: the neighboring positions read the same values, but they use their own
# weights.
#
# </details>

# %%
random = np.random.default_rng(SEED)
values = tf.constant(random.normal(0, 1, [5, 6, 6, 64]), tf.float32)
filters = tf.constant(random.normal(0, 0.04, [3, 3, 64, 64]), tf.float32)
tied, biases = tf.tile(filters[None, None], [6, 6, 1, 1, 1, 1]), tf.zeros([6, 6, 64])
result = locally_connected(values, tied, biases)
difference = np.abs(result - tf.nn.conv2d(values, filters, 1, "SAME")).max()
print("with tied weights, it equals tf.nn.conv2d to within 0.0001:", bool(difference < 1e-4))

# %%
factor = np.ones([6, 6, 1, 1, 1, 1], np.float32)
factor[2, 3] = 2
change = np.abs(locally_connected(values, tied * factor, biases) - result).max(axis=(0, 3))
print("row and column of each position that changed:", np.argwhere(change > 1e-3).tolist())

# %% [markdown]
# ## 2. A layer that holds the weights
#
# The class `network.Layer` from lesson 2 holds `weights`, `biases` and the strength of the weight decay. Training, the
# loss and the parameter count find the layers of a network by this class. Derive a class from it that holds a set of
# weights and biases for each position. It must be callable like a function, and apply your `locally_connected` followed
# by a ReLU.
#
# Use the stddev, the weight decay and the initial biases from the table at the top. As in every layer, the variables
# are named `<name>/weights` and `<name>/biases`.
#
# <details><summary>Hint 1: where to look</summary>
#
# Look at `Layer` in `cifarlab/model/network.py`. It is a short class, and `network.Layer??` shows it. Which shape do
# its biases have, and which shape do you need?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Let `super().__init__` create everything, with the shape of your weights. It creates only one bias per channel, so
# replace them: assign a new `tf.Variable` of the right shape, filled with the right number, to the same attribute. The
# argument `name` of `tf.Variable` lets you call it `<name>/biases`.
#
# </details>


# %% nbgrader={"grade_id": "local-layer", "solution": true}
class LocalLayer(network.Layer):
    """A 3 x 3 locally connected layer with a ReLU.

    Attributes:
        weights: a variable, float32[rows, columns, 3, 3, inputs, outputs].
        biases: a variable, float32[rows, columns, outputs].
    """

    def __init__(
        self, name: str, rows: int, columns: int, inputs: int, outputs: int, seed: int = 0
    ) -> None:
        """Creates variables for `rows` x `columns` positions, and `inputs` to `outputs` channels."""
        ### BEGIN SOLUTION
        shape = [rows, columns, 3, 3, inputs, outputs]
        super().__init__(name, shape, stddev=0.04, weight_decay=0.004, seed=seed)
        initial = tf.fill([rows, columns, outputs], 0.1)
        self.biases = tf.Variable(initial, name=f"{name}/biases")
        ### END SOLUTION

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """Maps float32[B, rows, columns, inputs] to float32[B, rows, columns, outputs]."""
        ### BEGIN SOLUTION
        return tf.nn.relu(locally_connected(values, self.weights, self.biases))
        ### END SOLUTION


# %% nbgrader={"grade_id": "local-layer-check", "grade": true, "locked": true, "points": 3}
teaching.check_local_layer(LocalLayer)

# %% [markdown]
# ## 3. The network
#
# As in lesson 2, a network defines which layers it has and in which order they are used. Leave everything up to `pool2`
# as in the tutorial. Replace `local3`, `local4` and `softmax_linear` under the same names, and return the nine stages
# as a `network.Stages`, which accepts the new shapes of `local3` and `local4`. Pass the seed on to every layer: both
# networks must start with the same filters in `conv1` and `conv2`.
#
# <details><summary>Hint 1: where to look</summary>
#
# Look at `ConvNet` in `cifarlab/model/network.py`, in particular at its methods `__init__` and `stages`, and at
# `Deeper` in lesson 2. `super().stages` does not help here: it also runs the tutorial's last stages, and these expect
# the tutorial's layers.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Let `super().__init__` create the tutorial's layers, and then assign new ones to the three attributes. In `stages`,
# write the first six stages as in `ConvNet.stages`, and then call your layers. `network.fully_connected` expects one
# row per image, so flatten the output of `local4` first. It also applies a ReLU by default, which the last stage must
# not have.
#
# </details>


# %% nbgrader={"grade_id": "network", "solution": true}
class LocallyConnected(cifarlab.ConvNet):
    """The tutorial's network with cuda-convnet's locally connected layers: 2,112,970 parameters."""

    def __init__(self, seed: int = 0) -> None:
        """Creates the layers; the seed alone determines their initial weights."""
        ### BEGIN SOLUTION
        super().__init__(seed=seed)
        self.local3 = LocalLayer("local3", 6, 6, 64, 64, seed)
        self.local4 = LocalLayer("local4", 6, 6, 64, 32, seed)
        last = network.Layer("softmax_linear", [6 * 6 * 32, 10], stddev=1 / 1152, seed=seed)
        self.softmax_linear = last
        ### END SOLUTION

    def stages(self, images: tf.Tensor) -> network.Stages:
        """Returns each stage's output for images, float32[B, 24, 24, 3], any B; the last is the logits."""
        ### BEGIN SOLUTION
        conv1, pool1 = self.convolve_and_pool(images, self.conv1, "pool1")
        norm1 = self.normalize(pool1, "norm1")
        conv2 = self.convolve(norm1, self.conv2)
        norm2 = self.normalize(conv2, "norm2")
        pool2 = self.pool(norm2, "pool2")
        local3 = self.local3(pool2)
        local4 = self.local4(local3)
        flat = tf.reshape(local4, [-1, 6 * 6 * 32])
        logits = network.fully_connected(flat, self.softmax_linear, activation=None)
        return network.Stages(conv1, pool1, norm1, conv2, norm2, pool2, local3, local4, logits)
        ### END SOLUTION


# %% nbgrader={"grade_id": "network-check", "grade": true, "locked": true, "points": 2}
teaching.check_local_network(LocallyConnected)

# %% nbgrader={"grade_id": "network-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_local_network(LocallyConnected, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What the layer holds, and what it computes
#
# Consider a 3 x 3 layer with stride 1 and SAME padding. Count its parameters, biases included, and its multiply-adds
# for one image. Your function should handle two cases: a convolution, whose weights and biases are shared by all
# positions, and a locally connected layer. Count multiply-adds as in lesson 2: only those of the weights, and with the
# zeros outside the border counted like any other value.
#
# (`profile.multiply_adds` from lesson 2 does not help here, because it assumes that every weight is used at every
# position of the layer's output.)
#
# <details><summary>Hint 1: where to look</summary>
#
# Look at the sum in task 1. How many products does one element of the result need, and how many elements does the
# result have?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Write down the shapes of the weights and the biases in both cases, and multiply the dimensions of each. For the
# multiply-adds, it makes no difference whether two positions use the same weights.
#
# </details>


# %% nbgrader={"grade_id": "size-and-work", "solution": true}
def size_and_work(
    rows: int, columns: int, inputs: int, outputs: int, shared: bool
) -> tuple[int, int]:
    """Returns a 3 x 3 layer's number of parameters, and of multiply-adds for one image.

    Args:
        rows: rows of positions.
        columns: columns of positions.
        inputs: input channels.
        outputs: output channels.
        shared: True for a convolution, False for a locally connected layer.
    """
    ### BEGIN SOLUTION
    of_a_set, positions = 9 * inputs * outputs, rows * columns
    sets = 1 if shared else positions
    return sets * (of_a_set + outputs), positions * of_a_set
    ### END SOLUTION


# %% nbgrader={"grade_id": "size-and-work-check", "grade": true, "locked": true, "points": 2}
teaching.check_size_and_work(size_and_work)

# %% [markdown]
# **Predict:** your network has about twice as many parameters as the tutorial's. By which factor does the number of
# multiply-adds change: 0.5, 1, 2 or 36?
#
# <details><summary>Answer</summary>
#
# By about 1.06. Nearly all of the work is in the two convolutions before these layers, which both networks have.
#
# </details>

# %%
tutorials, yours = cifarlab.ConvNet(seed=SEED), LocallyConnected(seed=SEED)
work = profile.multiply_adds(tutorials)
local = [size_and_work(6, 6, 64, outputs, shared=False) for outputs in (64, 32)]
below_and_last = work["conv1"] + work["conv2"] + 1152 * 10
total = below_and_last + local[0][1] + local[1][1]
for name, net, sums in (("tutorial's", tutorials, sum(work.values())), ("yours", yours, total)):
    print(f"{name:10s} {profile.count_parameters(net):>10,} parameters {sums:>11,} multiply-adds")

# %%
convolutions = [size_and_work(6, 6, 64, outputs, shared=True) for outputs in (64, 32)]
for name, layers in (("locally connected", local), ("as convolutions", convolutions)):
    print(f"local3 and local4, {name}: {sum(size for size, _ in layers):,} parameters")

# %% [markdown]
# Tying the weights would remove 35 out of every 36 parameters in these layers and leave the number of multiply-adds the
# same.
#
# There is a surprise in these numbers. Your network does 19.5 million multiply-adds, and that is exactly what the
# tutorial says about its own network: "about 19.5M". Lesson 2 could not find out where that number comes from. Its best
# guess was the number of multiply-adds plus the number of parameters, which is also 19.5 million. Perhaps whoever wrote
# the sentence had counted the model with the locally connected layers. With only three digits, we cannot tell which
# guess is right.
#
# ## 5. What it does to training
#
# First, a trap. The loss that training minimizes is the cross-entropy plus the weight decay. Both networks are
# untrained and know nothing, so they should be equally bad:

# %%
images, labels = next(iter(cifarlab.distorted_inputs(dataset, batch_size=64, seed=SEED)))
for name, net in (("tutorial's", tutorials), ("yours", yours)):
    losses = cifarlab.loss(net, net(images), labels)
    print(f"{name:10s} total {losses.total:.2f}, cross-entropy {losses.cross_entropy:.2f}")

# %% [markdown]
# The totals differ only because your network has more weights that decay. The number to compare is the cross-entropy.
#
# Now we train both networks for 200 steps of 16 images, on the same images in the same order. Then we train both again
# from different initial weights, to see how much chance contributes. A single loss value is noisy, so compare the means
# over the second half of the run. (This needs tasks 1 to 3 and takes half a minute.) **Predict:** will the network
# with twice the parameters be clearly ahead, a little ahead, level or behind? And how much longer will its steps take?
#
# <details><summary>Answer</summary>
#
# A little ahead, by a few hundredths of a nat. That is small, but larger than the effect of different initial weights.
# With two runs each, it is a hint and not a proof. When we tried it, a step took 1.5 to 2 times as long with patches,
# and four to five times as long with the nine neighbors handled by hand, although the number of multiply-adds is
# nearly the same. So here it matters more how you wrote task 1.
#
# </details>


# %%
def train(net, steps=200):
    """Trains a network; returns the logged steps, with averaged cross-entropies and seconds per step."""
    with tempfile.TemporaryDirectory() as folder:
        config = cifarlab.TrainConfig(train_dir=folder, seed=SEED, max_steps=steps, batch_size=16)
        cifarlab.train(config, network=net, dataset=dataset)
        log = [event for event in run_log.read_log(folder) if event["event"] == "step"]
    losses = [event["averaged_losses"]["cross_entropy"] for event in log]
    return [event["step"] for event in log], losses, [event["seconds_per_batch"] for event in log]


# %%
starts = {"": SEED, ", new start": SEED + 1}
networks = {f"tutorial's{name}": cifarlab.ConvNet(seed=seed) for name, seed in starts.items()}
runs = {name: train(net) for name, net in networks.items()}

# %%
new = {f"yours{name}": LocallyConnected(seed=seed) for name, seed in starts.items()}
networks |= new
runs |= {name: train(net) for name, net in new.items()}
for name, (_, losses, _) in runs.items():
    print(f"{name}: it learns; the last loss is below 2.25:", losses[-1] < 2.25)

# %%
figure, (ax,) = figures.subplots()
curves = {name: (steps, losses) for name, (steps, losses, _) in runs.items()}
title = "Does it help to give each position its own weights?"
plots.lines(ax, curves, title=title, x="step", y="averaged cross-entropy (nats)")
figures.show(
    figure,
    "Four falling curves, close together. In the second half, the two curves of the locally connected "
    "network are a little below the two of the tutorial's network.",
)

# %%
# NBVAL_IGNORE_OUTPUT
images, labels = next(iter(cifarlab.inputs(dataset, batch_size=1000)))
for name, (_, losses, seconds) in runs.items():
    right = float(np.mean(np.argmax(networks[name](images), axis=-1) == labels))
    mean, time = np.mean(losses[len(losses) // 2 :]), 1000 * statistics.median(seconds[1:])
    print(f"{name:24s} {mean:.3f} nats, {right:.0%} of 1,000 correct, {time:.0f} ms per step")

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in three sentences**, with numbers that you measured.
#
# - What did doubling the parameters buy in 200 steps? Compare the mean cross-entropy over the second half of the run
#   with how much it changes with different initial weights. (The accuracy on 1,000 images is too coarse for this: it
#   has a standard deviation of 1.6 points.)
# - What do the extra parameters cost? Why do the steps take longer although the number of multiply-adds is nearly the
#   same? (How often is each weight used for one image here, and which part of a step grows with the number of
#   parameters?)
# - Why is the total loss useless for comparing the two networks?
#
# *How it is graded, 3 points:* one for the gain, compared with the effect of chance; one for the cost, with a reason;
# one for the total loss.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 3}
# In the second half of the run, the network with twice the parameters is ahead by about 0.05 nats (2.083 and 2.101
# against 2.138 and 2.152), which is small but larger than the effect of different initial weights (less than 0.02), so
# it learns a little faster here, although 200 steps cannot show where it would end up. It pays for this with steps that
# take 1.5 to 2 times as long for 6 % more multiply-adds (19.5 against 18.5 million), because each of the two million
# weights is used at only one position, in 36 small matrix products for which the nine neighbors have to be copied
# first, and because every weight has to be updated and averaged after every step. The total losses at the start, 7.24
# against 4.68 with the same cross-entropy of 2.30, differ only by the decay of the additional weights, which says
# nothing about how good the predictions are.

# %% [markdown]
# ## Recap
#
# - A locally connected layer is a convolution whose weights are not shared. If you tie them, it becomes one.
# - On a 6 x 6 map, it does the same number of multiply-adds as that convolution with 36 times as many parameters, and
#   each training step takes longer.
# - To find out which network is better, compare the cross-entropy and not the total loss, and compare the difference
#   with the effect of chance.
#
# **Try next:** train the third network that appears in this exercise, with `local3` and `local4` as convolutions:
# 55,392 parameters instead of 1,994,112. Is it behind, and by more than different initial weights would explain? Or tie
# only the biases of your network, so that there is one per channel: do they matter?
