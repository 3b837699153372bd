# %% [markdown]
# # 2. The inference graph: what is computed from pixels to logits?
#
# There are nine stages between 24 x 24 pixels and the ten numbers that say which class an image belongs to. This lesson
# draws them, counts their parameters and their work, takes one of them apart, looks at what they do to an image, and
# inserts another one.
#
# **You need** lesson 1, and to know what a convolution is. **You will be able to** draw a graph by its scopes, account
# for every one of 1,068,298 parameters and for the multiply-adds layer by layer, say what normalization does here and
# what it costs, inspect filters, activations and sparsity, and train your own deeper network without changing the
# program.
#
# **Time**: 30 minutes to read and try, under a minute to run on two processor cores.
#
# We will take apart the tutorial's function `inference()`, which has the same name here.

# %%
import collections
import os
import tempfile
import time

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.backend import tf
from cifarlab.demos import graphs, tf1_graph
from cifarlab.model import network, profile
from cifarlab.plotting import figures, image_grids, plots
from cifarlab.training import run_log

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## Nine stages
#
# `ConvNet` holds the network's weights. Its method `stages` takes a batch of images and returns the output of each
# stage, by name and in order. `inference(net, images)` is simply the last of these outputs: the *logits*, ten numbers
# per image, one for each class, not normalized to probabilities. The largest one is the network's answer.

# %%
net = cifarlab.ConvNet(seed=SEED, fast_ops=False)
images, labels = next(iter(cifarlab.distorted_inputs(dataset, batch_size=128, seed=SEED)))
stages = net.stages(images)
for name, values in stages._asdict().items():
    print(f"{name:15s} {values.shape.as_list()}")

# %% [markdown]
# Read the shapes from top to bottom: [images, rows, columns, channels]. Each of the two pools halves rows and columns,
# and the first convolution turns 3 channels into 64. After `pool2` the network no longer knows which positions are
# neighbors: 6 x 6 x 64 values become one row of 2,304, each with its own weights, and three matrix products follow.
# (`fast_ops=False` uses TensorFlow's own operation for each stage. The default, `True`, uses other implementations that
# give the same results and train faster. We will come to them.)
#
# ## The graph
#
# A *graph* is the list of operations that TensorFlow derives from a Python function by calling it once with
# placeholders. In TensorFlow 1 you built the graph by hand and ran it in a *session*. In TensorFlow 2 you write Python,
# and `tf.function` builds the graph. A *scope* is the part before the slash in an operation's name, such as
# `conv1/Conv2D`. TensorBoard collapses each scope into one box, and so do we.

# %%
pixels = tf.TensorSpec([None, dataset.crop_size, dataset.crop_size, 3], name="images")
inference_graph = tf.function(net.stages).get_concrete_function(pixels).graph
graphs.show(
    inference_graph,
    "A chain from images to softmax_linear. The blue boxes hold variables; B is the batch size.",
)

# %% [markdown]
# Five of the nine stages are blue: they hold *variables*, the numbers that training changes. The pools and the
# normalizations hold none. (TensorFlow 1 shared variables by name, through *variable scopes*. Here a variable is a
# Python object that belongs to the network, and the scope is only a name.)
#
# **Predict:** which operations are in the box `conv1`? There are seven.
#
# <details><summary>Answer</summary>
#
# The convolution, the addition of the biases, and the activation function ReLU. The first two each read a variable,
# which takes two more operations: one for its handle and one to read it. So 3 + 3 + 1.
#
# </details>

# %%
graphs.show(
    inference_graph,
    "The same chain, with conv1 expanded to a frame of three boxes.",
    expanded=["conv1"],
)

# %% [markdown]
# Put another scope between the brackets and look inside it. There is no softmax anywhere, although the last stage is
# called `softmax_linear`: the loss, in the next lesson, takes the logits as they are.
#
# ## 1,068,298 parameters
#
# **Predict** before you run the next cell: which of the five layers has the most parameters, and which does the most
# work?
#
# <details><summary>Answer</summary>
#
# `local3` has 83 % of the parameters, `conv2` does 80 % of the multiply-adds. A convolution uses each of its weights
# once for every position in its output, which is 144 times for `conv2`. A matrix product uses each weight once.
#
# </details>

# %%
work = profile.multiply_adds(net)
size = {layer.name: profile.count_parameters(layer) for layer in network.layers(net)}
for layer in network.layers(net):
    shape = " x ".join(str(length) for length in layer.weights.shape)
    print(f"{layer.name:15s} {shape:>15s} {size[layer.name]:>10,} {work[layer.name]:>12,}")
print(f"{'total':31s} {sum(size.values()):>10,} {sum(work.values()):>12,}")

# %% [markdown]
# The columns are the shape of the weights, the number of parameters (including biases), and the multiply-adds for one
# image. Take `conv2`: 5 x 5 x 64 x 64 weights, each used at 12 x 12 positions, make 14,745,600 multiply-adds.
#
# The parameters match the tutorial's exactly. The multiply-adds do not: the tutorial says "about 19.5M". What else
# could it have counted? Here is all the other arithmetic in the network, counted as generously as possible.

# %%
conv1, pool1, norm1, conv2, norm2, pool2, *dense = [np.prod(values.shape[1:]) for values in stages]
others = {
    "adding the biases": conv1 + conv2 + sum(dense),
    "squares of nine neighbors in norm1 and norm2": 9 * (norm1 + norm2),
    "comparisons of nine pixels in pool1 and pool2": 9 * (pool1 + pool2),
}
for name, count in others.items():
    print(f"{name:46s} {count:>10,}")
print(f"{'plus the five layers':46s} {sum(others.values()) + sum(work.values()):>10,}")

# %%
print(f"multiply-adds + parameters: {sum(work.values()) + sum(size.values()):,}")

# %% [markdown]
# So all the other arithmetic is far too little: it only brings the sum to 18.8 M. One sum does give 19.5 M:
# multiply-adds plus parameters. Perhaps every parameter was counted once more, as if it also had to be added. Or a
# different network was counted: with the locally connected top layers of exercise 2, which are in the model that the
# tutorial is based on, there are 19,512,576 multiply-adds. The tutorial does not say, so these are guesses based on the
# digits, not derivations. What we can prove is 18,470,784, so that is the number in this course.
#
# ## Where does the time go?
#
# Multiply-adds are not seconds. We feed each stage the output of the previous one, and measure how long it takes.

# %%
net_of = {"plain": cifarlab.ConvNet(seed=SEED, fast_ops=False), "fast": cifarlab.ConvNet(seed=SEED)}


# %%
def stage_functions(net):
    """Returns each stage as a function of the previous stage's output."""
    return {
        "conv1": lambda values: net.convolve(values, net.conv1),
        "pool1": lambda values: net.pool(values, "pool1"),
        "norm1": lambda values: net.normalize(values, "norm1"),
        "conv2": lambda values: net.convolve(values, net.conv2),
        "norm2": lambda values: net.normalize(values, "norm2"),
        "pool2": lambda values: tf.reshape(net.pool(values, "pool2"), [-1, 2304]),
        "local3": lambda values: network.fully_connected(values, net.local3),
        "local4": lambda values: network.fully_connected(values, net.local4),
        "softmax_linear": lambda values: network.fully_connected(values, net.softmax_linear, None),
    }


# %%
def milliseconds(function, values):
    """Times a compiled function: the shortest of seven runs, which was disturbed least."""
    compiled, seconds = tf.function(function), []
    compiled(values)
    for _ in range(7):
        started = time.perf_counter()
        compiled(values).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds)


# %%
def time_of_stages(net):
    """Times each stage on one batch, in ms; pools are added up, and so are normalizations."""
    times, values = collections.Counter(), images
    for name, function in stage_functions(net).items():
        kind = {"pool": "pools", "norm": "norms"}.get(name[:4], name)
        times[kind] += milliseconds(function, values)
        values = function(values)
    return times


# %%
times = {f"time, {form}": time_of_stages(net) for form, net in net_of.items()}
figure, (ax,) = figures.subplots(height=2.6)
title = "Where are the parameters, the work and the time?"
plots.stacked_bars(ax, {"parameters": size, "multiply-adds": work, **times}, title=title)
figures.show(
    figure,
    "Four bars in percent. Most parameters are in local3, most multiply-adds in conv2; the time is "
    "split among convolutions, pools and normalizations.",
)

# %% tags=["result"]
# NBVAL_IGNORE_OUTPUT
for form, by_stage in times.items():
    print(f"{form}: {sum(by_stage.values()):.0f} ms for 128 images")

# %% [markdown]
# The matrix products with their million parameters take hardly any time. `conv2` takes less than its share of the work,
# because a processor multiplies fastest when there is a lot to multiply. Pools and normalizations take time although
# they hardly multiply at all. The fast version of `conv2` needs only a ninth of the multiplications (Winograd's minimal
# filtering, `cifarlab/model/ops/convolution.py`). The cells above measure only the forward pass, and how much faster it
# becomes depends on the machine. With the backward pass, which is most of training, a training step was 1.6 and 2.0
# times as fast on the two machines that we measured (`benchmarks/README.md`).
#
# ## The training graph, and the tutorial's 765 operations
#
# Training adds the loss, the gradients, the update and the averages. Here is the whole step as a graph. A dotted arrow
# means "changes the variables of".


# %%
def graph_of_step(net):
    """Returns the graph of one training step of a network."""
    state = cifarlab.TrainState(net)
    step = tf.function(lambda images, labels: cifarlab.train_step(state, images, labels))
    return step.get_concrete_function(images, labels).graph


# %%
training_graph = graph_of_step(net)
graphs.show(
    training_graph,
    "The chain of stages ends in loss; gradient_tape takes the output of every stage; apply_gradients "
    "changes the variables of the five layers.",
)

# %% [markdown]
# Follow the arrows: nearly every stage has one to `gradient_tape`. A gradient needs what the stage computed in the
# forward pass, so those results must be kept until then. This is why training takes more memory than inference.
#
# **Predict:** the tutorial says that its training graph has roughly 765 operations. Does ours have more or fewer?
#
# <details><summary>Answer</summary>
#
# Fewer than half as many. Add up the boxes: everything is there, from pixels to averaged weights. The rest was never
# mathematics, and the next cell shows what it was.
#
# </details>

# %%
ours = sum(profile.count_operations(training_graph).values())
theirs = tf1_graph.operations_by_part()
print(
    f"ours: {ours} operations; the tutorial's, built by today's TensorFlow: {sum(theirs.values())}"
)
for part, count in theirs.items():
    print(f"{count:5d}  {part}")

# %% [markdown]
# TensorFlow 1's functions still exist, as `tf.compat.v1`, so `tf1_graph` can rebuild the tutorial's graph without
# running it. It has 715 operations today, slightly fewer than in 2015. In TensorFlow 2, 365 of these 715 have moved
# elsewhere:
#
# - Reading, distorting and shuffling are done by `tf.data`, in a separate graph that runs alongside the step.
# - Variables are Python objects. Their initial values are computed once and not kept as operations.
# - Summaries are written by an observer of the run, on the steps that need them (lesson 4).
# - Saving and restoring are done by `tf.train.Checkpoint`.
#
# What remains is the mathematics, which is the same: inference, loss, gradients, update and averages, 350 operations
# there and 295 here. (The box `flag_nonfinite` records the first step with infinite or NaN values, and accounts for 34
# of ours.) By the way, the number of operations says nothing about time: the fast version of our graph has more
# operations than the plain one.

# %%
fast = sum(profile.count_operations(graph_of_step(net_of["fast"])).values())
print("more operations in the fast version:", fast > ours)

# %% [markdown]
# ## Normalization in five lines
#
# `norm1` and `norm2` are *local response normalization*: each value is divided by a power of the sum of squares over
# its own channel and the eight neighboring channels, four on each side. A channel that is strong at some position makes
# its neighbors weaker there. In numpy it takes five lines:


# %%
def normalize(values, radius=4, bias=1.0, alpha=0.001 / 9, beta=0.75):
    """Local response normalization of float[B, rows, columns, channels]."""
    channels = values.shape[-1]
    padded = np.pad(values**2, [(0, 0), (0, 0), (0, 0), (radius, radius)])
    squares = [padded[..., shift : shift + channels] for shift in range(2 * radius + 1)]
    return values / (bias + alpha * sum(squares)) ** beta


# %%
from cifarlab.model.ops import normalization

mine = normalize(stages.pool1.numpy())
for form in (normalization.reference, normalization.fast):
    difference = np.abs(form(stages.pool1) - mine).max()
    print(f"{form.__name__} agrees to 0.00001: {bool(difference < 1e-5)}")

# %% [markdown]
# **Predict:** how much does it change? Values after `pool1` are about 1, the sum of nine squares is about 9, and alpha
# is 0.001 / 9.
#
# <details><summary>Answer</summary>
#
# The expression in parentheses is about 1.001. Raised to the power of 0.75, it differs from 1 by less than one
# thousandth.
#
# </details>

# %%
nonzero = stages.pool1.numpy() > 0
factor = stages.norm1.numpy()[nonzero] / stages.pool1.numpy()[nonzero]
print("no value loses more than 2 %:", bool(factor.min() > 0.98))
print("half of all values lose less than 0.2 %:", bool(np.median(factor) > 0.998))

# %% [markdown]
# Almost nothing, at least in the beginning: a value of about 1 among others like it loses less than a thousandth. Where
# several neighboring channels are much larger than 1, it loses up to 2 %, because their squares are added. What does
# that do to training?
#
# ## A short training run
#
# To look at filters and activations, we need a network that has seen some images. Fifty steps of 32 images are not
# many, but they are enough to see where training is heading. We also train without normalization, using a *subclass* of
# the network that overrides one method. `train` accepts it just like the tutorial's own network.


# %%
class Unnormalized(cifarlab.ConvNet):
    """The tutorial's network without its normalizations."""

    def normalize(self, values, name):
        """Returns the values unchanged."""
        return values


# %%
def train(net, steps=50):
    """Trains a network on the dataset, and returns the cross-entropy of every step."""
    folder = tempfile.mkdtemp()
    config = cifarlab.TrainConfig(
        train_dir=folder, max_steps=steps, batch_size=32, log_frequency=1, seed=SEED
    )
    cifarlab.train(config, network=net, dataset=dataset)
    return [
        event["losses"]["cross_entropy"]
        for event in run_log.read_log(folder)
        if event["event"] == "step"
    ]


# %%
trained, without = cifarlab.ConvNet(seed=SEED), Unnormalized(seed=SEED)
curves = {"normalized": train(trained), "not normalized": train(without)}
figure, (ax,) = figures.subplots(height=2.8)
curves = {name: (range(len(values)), values) for name, values in curves.items()}
title = "Does normalization help?"
plots.lines(ax, curves, title=title, x="step", y="cross-entropy (nats)")
figures.show(figure, "Two noisy curves that fall together, almost indistinguishable.")

# %% [markdown]
# In this run it makes no visible difference. Local response normalization was thought to help in 2012. Later networks
# left it out, or used batch normalization, which does something else.
#
# ## Filters
#
# `conv1` has 64 filters of 5 x 5 pixels and three colors, so each can be shown as a small image. The top row shows the
# initial filters, the middle row the current ones, and the bottom row what the 50 steps have changed. The figure shows
# 24 of the 64, each stretched to the full range of gray levels.


# %%
def as_images(weights):
    """Returns weights of [5, 5, 3, 64] as a row of 24 enlarged images."""
    filters = np.transpose(weights, [3, 0, 1, 2])[:24]
    return image_grids.rescale_to_255(filters).repeat(4, 1).repeat(4, 2)


# %%
start = cifarlab.ConvNet(seed=SEED).conv1.weights.numpy()
now = trained.conv1.weights.numpy()
rows = {"start": as_images(start), "now": as_images(now), "change": as_images(now - start)}
figure, (ax,) = figures.subplots(height=1.2)
image_grids.image_grid(ax, rows)
figures.show(
    figure,
    "Rows of 24 filters: colored noise at the start, nearly the same noise now; the change is smooth, "
    "with edges and colors.",
)

# %% [markdown]
# After 50 steps the initial noise still hides everything else, but the change is not random: neighboring pixels change
# together and form edges and patches of color. After long training, the filters themselves look like that.
#
# ## One image through all nine stages
#
# Now we follow a single image. Each row shows the output of one stage. For convolutions, pools and normalizations these
# are the first 16 of 64 channels. For `local3` and `local4` they are all units, arranged in 16 squares. The last row
# shows the ten logits. Lighter means larger; black is the smallest value in the stage.

# %%
rows = {"image": image_grids.rescale_to_255(images[:1])}
for name, values in trained.stages(images[:1])._asdict().items():
    rows[name] = image_grids.feature_maps(values[0])[..., None].repeat(3, -1)
figure, (ax,) = figures.subplots(height=4.6)
image_grids.image_grid(ax, rows)
figures.show(
    figure,
    "An image, and a row of gray squares for each stage: its outlines in conv1, coarser ones in pool1, "
    "blobs in conv2 and pool2, single units in local3 and local4, ten gray values at the end.",
)

# %% [markdown]
# In `conv1` you can still recognize the image, its edges in some channels and its surfaces in others. From stage to
# stage less is left of *where* and more of *what*. And much is black.
#
# ## Sparsity
#
# Black is zero: ReLU turns everything negative into 0. The share of zeros is called *sparsity*, and the tutorial logs
# it for every layer.
#
# **Predict:** what share of `conv1`'s output is zero before training, when the weights are random with mean zero?
#
# <details><summary>Answer</summary>
#
# About half. With random weights of mean zero, a weighted sum is negative as often as positive.
#
# </details>

# %%
names = ["conv1", "conv2", "local3", "local4"]
zeros = {
    when: {name: float(tf.nn.zero_fraction(getattr(net.stages(images), name))) for name in names}
    for when, net in {"before training": cifarlab.ConvNet(seed=SEED), "after": trained}.items()
}
print("half of conv1 is zero before training:", abs(zeros["before training"]["conv1"] - 0.5) < 0.1)

# %%
figure, axes = figures.subplots(1, 2, height=2.6, sharey=True)
for ax, (when, shares) in zip(axes, zeros.items(), strict=True):
    percent = {name: round(100 * share) for name, share in shares.items()}
    plots.bars(ax, percent, title=f"How much is zero {when}?", y="% of the values")
figures.show(figure, "The share of zeros in conv1, conv2, local3 and local4, before and after.")

# %% [markdown]
# Growing sparsity means that units have become selective: each responds only to some images. A layer at 100 % would be
# dead, because a unit that is always zero gets no gradient and cannot recover. Lesson 4 watches `local3` over a whole
# run.
#
# ## The program as a template: a deeper network
#
# The tutorial is meant to be a starting point for larger networks. So let us insert a third convolution before the
# second pool. A new network defines two things: which layers it has, and in which order they are applied. Loss,
# training, checkpoints and evaluation stay as they are.

# %%
names = "conv1 pool1 norm1 conv2 norm2 conv3 pool2 local3 local4 softmax_linear"
DeeperStages = collections.namedtuple("DeeperStages", names)


# %%
class Deeper(cifarlab.ConvNet):
    """The tutorial's network with a third convolution, of 3 x 3, before the second pool."""

    def __init__(self):
        super().__init__(seed=SEED)
        self.conv3 = network.Layer("conv3", [3, 3, 64, 64], stddev=0.05, bias=0.1)

    def stages(self, images):
        first = super().stages(images)[:5]  # conv1 to norm2
        conv3 = self.convolve(first[-1], self.conv3)
        pool2 = self.pool(conv3, "pool2")
        local3 = network.fully_connected(tf.reshape(pool2, [-1, 2304]), self.local3)
        local4 = network.fully_connected(local3, self.local4)
        logits = network.fully_connected(local4, self.softmax_linear, activation=None)
        return DeeperStages(*first, conv3, pool2, local3, local4, logits)


# %%
deeper = Deeper()
values = train(deeper, steps=20)
print(f"{profile.count_parameters(deeper):,} parameters")
print(f"{sum(profile.multiply_adds(deeper).values()):,} multiply-adds")
print("the cross-entropy fell:", np.mean(values[-5:]) < np.mean(values[:5]))

# %% [markdown]
# A short class, and nothing else had to change: `train` compiled its graph, found its variables, and wrote its
# checkpoint. The same functions count its parameters and multiply-adds. Whether a deeper network is also a *better* one
# takes hours to find out, not 20 steps. For comparison, the recorded run of the tutorial's own network reached 82.3 %
# on the CIFAR-10 test images after 60,000 steps and 95 minutes on two cores.
#
# ## Recap
#
# - Nine stages lead from pixels to logits. Five of them hold variables, 1,068,298 numbers in all, most of them in
#   `local3`.
# - The work is not where the parameters are: `conv2` does 80 % of the 18,470,784 multiply-adds. And time is distributed
#   differently again.
# - A network is a class with layers and `stages`. Everything else works with it unchanged.
#
# **Try next:** open `gradient_tape` in the training graph. Write `activation=tf.nn.tanh` into a stage of `Deeper` and
# look at the sparsity. Set alpha to 0.1 in our five lines and see how much normalization changes then.
#
# **Exercise:** [02_locally_connected](../exercises/02_locally_connected.ipynb). **Next lesson:**
# [03_loss_and_learning_rate](03_loss_and_learning_rate.ipynb), what is minimized, and how fast.
