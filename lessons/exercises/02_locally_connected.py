# %% [markdown]
# # Exercise 2. Locally connected layers: does it help to give each place its own weights?
#
# The tutorial says: *the top layers of Alex's original model are locally connected and not fully connected; try editing
# the architecture to exactly reproduce the locally connected architecture in the top layer.* You build such a layer,
# show that it is a convolution as soon as its weights are tied, put it into the network, count what it costs, and train
# both networks equally long. The original model is cuda-convnet; two versions of it are in circulation. This is the one
# that you build, after `pool2`, which hands on 6 x 6 positions of 64 channels:
#
# | layer | what it is | stddev | weight decay | biases start at |
# | --- | --- | ---: | ---: | ---: |
# | `local3` | locally connected, 3 x 3, 64 to 64 channels, stride 1, SAME padding, ReLU | 0.04 | 0.004 | 0.1 |
# | `local4` | locally connected, 3 x 3, 64 to 32 channels, stride 1, SAME padding, ReLU | 0.04 | 0.004 | 0.1 |
# | `softmax_linear` | fully connected, 1,152 to 10 | 1/1152 | none | 0 |
#
# Each position has its own weights and its own biases, and the network has 2,112,970 parameters in all. The first two
# rows are cuda-convnet's (`layers-conv-local-11pct`), except that its file says nothing of biases: 0.1 is where the
# tutorial's `local3` and `local4` start. So is the last row the tutorial's: a stddev of one over the inputs, no decay.
# The other version of cuda-convnet has 32 channels in `local3`.
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
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## 1. Own weights for each position
#
# A convolution of 3 x 3 has one set of weights, 3 x 3 x in x out, and uses it at every position. A locally connected
# layer does the same sum with another set at each position: the result at row $r$, column $c$, channel $o$ is
#
# $$b_{rco} + \sum_{i=0}^{2} \sum_{j=0}^{2} \sum_{k} v_{r+i-1,\,c+j-1,\,k} \; w_{rcijko}$$
#
# where $v$ is the map that comes in, $k$ its channels, and $v$ is zero beyond the border (SAME padding). Keras 3 and
# TensorFlow have no such layer, so you write it. Training will compile it and call it a thousand times: use
# TensorFlow's operations, let the size of the batch be unknown (`None`), and take weights and biases that may be
# variables. Avoid loops over positions or pictures, and products that are written out in full before they are summed:
# all are slow.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.einsum` multiplies and sums along axes that you name by letters. `tf.image.extract_patches` collects the nine
# neighbours of each position in one axis: in which order are they there, and in which order are your weights? If you
# would rather do it by hand, `tf.pad` puts zeros around a map.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# With patches: bring the weights into the same form, one long axis for each position in the order of the patches, and
# multiply position by position; only this long axis is summed over. By hand: take the nine neighbours one by one. For
# the one above and to the left, cut a map of the original size out of the padded one, so that each position finds this
# neighbour's values in its own place, and multiply it with the part of the weights that belongs to this neighbour. Add
# up the nine. The biases come last.
#
# </details>


# %% nbgrader={"grade_id": "locally-connected", "solution": true}
def locally_connected(values: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
    """A locally connected layer of 3 x 3, stride 1, SAME padding, no activation: float32[B, H, W, out].

    Args:
        values: float32[B, H, W, in]; B may be unknown.
        weights: float32[H, W, 3, 3, in, out], a set for each position; in it, rows come before columns.
        biases: float32[H, W, out].
    """
    ### BEGIN SOLUTION
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    flat = tf.reshape(weights, [*weights.shape[:2], -1, weights.shape[-1]])  # 9 x in, as in patches
    return tf.einsum("bhwk,hwko->bhwo", patches, flat) + biases
    ### END SOLUTION


# %% nbgrader={"grade_id": "locally-connected-check", "grade": true, "locked": true, "points": 3}
teaching.check_locally_connected(locally_connected)

# %% nbgrader={"grade_id": "locally-connected-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_locally_connected(locally_connected, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now tie the weights: let all 36 positions have the same set. **Predict:** what is the result, and what changes in it
# when the set of one position, row 2 and column 3, is doubled?
#
# <details><summary>Answer</summary>
#
# With tied weights it is the convolution with that set. Doubling one position's set changes the result at this position
# and nowhere else; its neighbours read its values, but not its weights.
#
# </details>

# %%
random = np.random.default_rng(SEED)
values = tf.constant(random.normal(0, 1, [5, 6, 6, 64]), tf.float32)
filters = tf.constant(random.normal(0, 0.04, [3, 3, 64, 64]), tf.float32)
tied, biases = tf.tile(filters[None, None], [6, 6, 1, 1, 1, 1]), tf.zeros([6, 6, 64])
result = locally_connected(values, tied, biases)
difference = np.abs(result - tf.nn.conv2d(values, filters, 1, "SAME")).max()
print("with tied weights it is tf.nn.conv2d, to 0.0001:", bool(difference < 1e-4))

# %%
factor = np.ones([6, 6, 1, 1, 1, 1], np.float32)
factor[2, 3] = 2
change = np.abs(locally_connected(values, tied * factor, biases) - result).max(axis=(0, 3))
print("rows and columns of the positions that changed:", np.argwhere(change > 1e-3).tolist())

# %% [markdown]
# ## 2. A layer that holds them
#
# A `network.Layer` of lesson 2 holds `weights` and `biases`, and how strongly the weights decay; training, loss and
# counting find a network's layers by this class. Derive a class from it that holds a set of weights and biases for each
# position, and that can be called like a function: with your `locally_connected`, and a ReLU.
#
# Stddev, weight decay and initial biases are those of the table at the top. The variables' names are `<name>/weights`
# and `<name>/biases`, as in every layer.
#
# <details><summary>Hint 1: where to look</summary>
#
# At `Layer` in `cifarlab/model/network.py`, a class of few lines (`network.Layer??` shows it). Which shape do its
# biases get, and which do you need?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Let `super().__init__` make everything, with the shape of your weights. Its biases are one for each channel, so put
# another `tf.Variable` in their place, in the attribute of the same name, filled with the right number. Its argument
# `name` makes it `<name>/biases`.
#
# </details>


# %% nbgrader={"grade_id": "local-layer", "solution": true}
class LocalLayer(network.Layer):
    """A locally connected layer of 3 x 3 with ReLU.

    Attributes:
        weights: float32[rows, columns, 3, 3, inputs, outputs], a variable.
        biases: float32[rows, columns, outputs], a variable.
    """

    def __init__(
        self, name: str, rows: int, columns: int, inputs: int, outputs: int, seed: int = 0
    ) -> None:
        """Makes the variables, for `rows` x `columns` positions, `inputs` and `outputs` channels."""
        ### BEGIN SOLUTION
        shape = [rows, columns, 3, 3, inputs, outputs]
        super().__init__(name, shape, stddev=0.04, weight_decay=0.004, seed=seed)
        initial = tf.fill([rows, columns, outputs], 0.1)
        self.biases = tf.Variable(initial, name=f"{name}/biases")
        ### END SOLUTION

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """The layer's results, float32[B, rows, columns, outputs]; values: float32[B, rows, columns, inputs]."""
        ### BEGIN SOLUTION
        return tf.nn.relu(locally_connected(values, self.weights, self.biases))
        ### END SOLUTION


# %% nbgrader={"grade_id": "local-layer-check", "grade": true, "locked": true, "points": 3}
teaching.check_local_layer(LocalLayer)

# %% [markdown]
# ## 3. The network
#
# As in lesson 2, a network says which layers it has and in which order they are used. Everything up to `pool2` stays
# the tutorial's. Replace `local3`, `local4` and `softmax_linear`, under these names, and return the nine stages in a
# `network.Stages`, which does not mind that `local3` and `local4` now have other shapes. Pass the seed on to everything
# that has one: both networks shall start with the same filters in `conv1` and `conv2`.
#
# <details><summary>Hint 1: where to look</summary>
#
# At `ConvNet` in `cifarlab/model/network.py`, its methods `__init__` and `stages`, and at `Deeper` in lesson 2.
# `super().stages` is of no use here: the tutorial's last stages come with it, and they expect its layers.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Let `super().__init__` make the tutorial's layers, and assign new ones to the three attributes. In `stages`, write the
# first six stages as `ConvNet.stages` has them; then call your layers. `network.fully_connected` takes one row for each
# picture, so flatten what `local4` returns first; and it has an activation, which the last stage does without.
#
# </details>


# %% nbgrader={"grade_id": "network", "solution": true}
class LocallyConnected(cifarlab.ConvNet):
    """The tutorial's network with the locally connected layers of cuda-convnet: 2,112,970 parameters."""

    def __init__(self, seed: int = 0) -> None:
        """Makes the layers; all their initial weights are functions of the seed."""
        ### BEGIN SOLUTION
        super().__init__(seed=seed)
        self.local3 = LocalLayer("local3", 6, 6, 64, 64, seed)
        self.local4 = LocalLayer("local4", 6, 6, 64, 32, seed)
        last = network.Layer("softmax_linear", [6 * 6 * 32, 10], stddev=1 / 1152, seed=seed)
        self.softmax_linear = last
        ### END SOLUTION

    def stages(self, images: tf.Tensor) -> network.Stages:
        """Every stage's result for images, float32[B, 24, 24, 3], any B; the last one is the logits."""
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
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_local_network(LocallyConnected, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What it holds and what it does
#
# Count, for a layer of 3 x 3 with stride 1 and SAME padding: its parameters, biases included, and its multiply-adds for
# one picture. Count it as a convolution, whose weights and biases are shared by all positions, or as locally connected.
# Multiply-adds are counted as in lesson 2: those of the weights only, and the zeros beyond the border like any value.
#
# (`profile.multiply_adds` of lesson 2 is of no use here: it takes each weight to be used at every position of the
# layer's result.)
#
# <details><summary>Hint 1: where to look</summary>
#
# At the sum in task 1. How many products does one number of the result take, and how many numbers has the result?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Write down the shapes of weights and biases in both cases, and multiply their lengths. For the work it makes no
# difference whether two positions use the same weights.
#
# </details>


# %% nbgrader={"grade_id": "size-and-work", "solution": true}
def size_and_work(
    rows: int, columns: int, inputs: int, outputs: int, shared: bool
) -> tuple[int, int]:
    """The parameters of a layer of 3 x 3, and its multiply-adds for one picture.

    Args:
        rows: of positions.
        columns: of positions.
        inputs: channels that come in.
        outputs: channels of the result.
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
# **Predict:** your network has about twice as many parameters as the tutorial's. How many times its multiply-adds does
# it need: 0.5, 1, 2 or 36 times?
#
# <details><summary>Answer</summary>
#
# About 1.06 times. Nearly all of the work is in the two convolutions below, which both networks have.
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
    print(f"local3 and local4 {name}: {sum(size for size, _ in layers):,} parameters")

# %% [markdown]
# Tying the weights would take 35 of each 36 parameters of these layers away and leave the work as it is.
#
# And your network does 19.5 million multiply-adds, which is just what the tutorial says of its own: "about 19.5M".
# Lesson 2 could not find that number; its best guess was multiply-adds plus parameters, 19.5 million as well. Perhaps
# whoever wrote the sentence had counted the model with the locally connected layers. Three digits cannot tell the two
# guesses apart.
#
# ## 5. What training makes of it
#
# First a trap. The loss that training minimises is the cross-entropy plus the weight decay. Both networks are untrained
# and know nothing, so they should be equally bad:

# %%
images, labels = next(iter(cifarlab.distorted_inputs(dataset, batch_size=64, seed=SEED)))
for name, net in (("tutorial's", tutorials), ("yours", yours)):
    losses = cifarlab.loss(net, net(images), labels)
    print(f"{name:10s} total {losses.total:.2f}, cross-entropy {losses.cross_entropy:.2f}")

# %% [markdown]
# The totals differ only because there are more weights that decay. What can be compared is the cross-entropy.
#
# Now both are trained for 200 steps of 64 pictures, on the same pictures in the same order; and both once more from
# other initial weights, to know what chance does. A single loss is noisy, so compare means over the second half of the
# run. (This needs tasks 1 to 3, and takes about two minutes.) **Predict:** will the network with twice the parameters
# be clearly ahead, a little ahead, level or behind? And how much longer will its steps take?
#
# <details><summary>Answer</summary>
#
# A little ahead: by some hundredths of a nat, which is small, and yet more than another start makes; with two starts
# each that is a hint, no proof. With patches a step took about twice as long where we tried it, with the nine
# neighbours by hand three to four times, though the multiply-adds are nearly the same: here the form of task 1 matters
# more.
#
# </details>


# %%
def train(net, steps=200):
    """Trains a network; returns the logged steps, the averaged cross-entropy and seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        config = cifarlab.TrainConfig(train_dir=folder, seed=SEED, max_steps=steps, batch_size=64)
        cifarlab.train(config, network=net, dataset=dataset)
        log = [event for event in run_log.read_log(folder) if event["event"] == "step"]
    losses = [event["averaged_losses"]["cross_entropy"] for event in log]
    return [event["step"] for event in log], losses, [event["seconds_per_batch"] for event in log]


# %%
starts = {"": SEED, ", other start": SEED + 1}
networks = {f"tutorial's{name}": cifarlab.ConvNet(seed=seed) for name, seed in starts.items()}
runs = {name: train(net) for name, net in networks.items()}

# %%
new = {f"yours{name}": LocallyConnected(seed=seed) for name, seed in starts.items()}
networks |= new
runs |= {name: train(net) for name, net in new.items()}
for name, (_, losses, _) in runs.items():
    print(f"{name}: it learns, the last is below 2.2:", losses[-1] < 2.2)

# %%
figure, (ax,) = figures.subplots()
curves = {name: (steps, losses) for name, (steps, losses, _) in runs.items()}
title = "Does it help to give each place its own weights?"
plots.lines(ax, curves, title=title, x="step", y="cross-entropy, averaged (nats)")
figures.show(
    figure,
    "Four falling curves close together. In the second half the two of the locally connected network "
    "lie a little below the two of the tutorial's.",
)

# %%
# NBVAL_IGNORE_OUTPUT
images, labels = next(iter(cifarlab.inputs(dataset, batch_size=1000)))
for name, (_, losses, seconds) in runs.items():
    right = float(np.mean(np.argmax(networks[name](images), axis=-1) == labels))
    mean, time = np.mean(losses[len(losses) // 2 :]), 1000 * statistics.median(seconds[1:])
    print(f"{name:24s} {mean:.3f} nats, {100 * right:.0f} % of 1,000 right, {time:.0f} ms a step")

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in three sentences**, with numbers that you measured. What have twice as many parameters brought in 200
# steps, judged by the mean cross-entropy in the second half and by how much another start changes it? (1,000 pictures
# are too few: their share of right answers has a standard deviation of 1.6 points.) What do they cost: why do steps
# take longer though the multiply-adds are nearly the same? (How often is a weight used for one picture here, and which
# work of a step grows with the parameters?) And why is the total loss of no use in comparing the networks?
#
# *How it is graded, 3 points:* one for what they brought, against what chance does; one for the cost, with a reason;
# one for the total loss.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 3}
# In the second half of the run the network with twice the parameters is ahead by about 0.03 nats (1.96 and 1.97 against
# 2.00 and 2.00), which is little, but more than the 0.02 at most that another start changes, so it learns somewhat
# faster here; where it would end, 200 steps do not show. It pays with steps that take about twice as long for 6 % more
# multiply-adds (19.5 against 18.5 million), because each of two million weights is used at one position only, in 36
# small matrix products for which the nine neighbours are copied first, and has to be updated and averaged after every
# step; and the total losses, 7.24 against 4.68 at the start with the same cross-entropy of 2.30, differ by the decay of
# the additional weights, which says nothing of how good the answers are.

# %% [markdown]
# ## Recap
#
# - A locally connected layer is a convolution whose weights are not shared; tie them, and it is one.
# - It does the same work as that convolution with 36 times the parameters on a 6 x 6 map, and each step takes longer.
# - Whether a network is better is told by the cross-entropy, not the total loss, and against what chance does.
#
# **Try next:** train the third network that is in this exercise, with `local3` and `local4` as convolutions, 55,392
# parameters in place of 1,994,112. Is it behind, and by more than another start makes? And tie only the biases of
# yours, one for each channel: do they matter?
