# %% [markdown]
# # 2. The inference graph: what is computed from pixels to logits?
#
# Nine stages lie between 24 x 24 pixels and ten numbers that say which class it is. This lesson draws them, counts
# what they hold and what they do, takes one of them apart, looks at what they make of a picture, and puts another one
# in between.
#
# **You need** lesson 1, and to know what a convolution is. **You will be able to** draw a graph by its scopes,
# account for every one of 1,068,298 parameters and for the multiply-adds layer by layer, say what normalization does
# here and what it costs, see filters, activations and sparsity, and train a deeper network of your own without
# changing the program.
#
# **Time**: 30 minutes to read and try, under a minute to run on two processor cores.
#
# The tutorial's function `inference()` is what we take apart; it has the same name here.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## Nine stages
#
# `ConvNet` holds the network's weights. Its method `stages` takes a batch of images and returns what each stage makes
# of it, by name and in order. `inference(net, images)` is no more than the last of them: the *logits*, ten numbers for
# each image, one a class, not normalized to probabilities. The largest of them is the network's answer.

# %%
net = cifarlab.ConvNet(seed=SEED, fast_ops=False)
images, labels = next(iter(cifarlab.distorted_inputs(dataset, batch_size=128, seed=SEED)))
stages = net.stages(images)
for name, values in stages._asdict().items():
    print(f"{name:15s} {values.shape.as_list()}")

# %% [markdown]
# Read the shapes from top to bottom: [pictures, rows, columns, channels]. The two pools halve rows and columns, the
# first convolution turns 3 channels into 64. After `pool2` the network no longer knows which places are neighbours: 6
# x 6 x 64 values become one row of 2,304, each with weights of its own, and three matrix products follow.
# (`fast_ops=False` takes TensorFlow's own operation for each stage. The default, `True`, has others of equal results
# that train faster; we come to them.)
#
# ## The graph
#
# A *graph* is the list of operations that TensorFlow makes out of a Python function by calling it once with
# placeholders. In TensorFlow 1 one wrote the graph by hand and ran it in a *session*; in TensorFlow 2 one writes
# Python, and `tf.function` draws the graph. A *scope* is what stands before the slash in an operation's name, such as
# `conv1/Conv2D`. TensorBoard collapses each scope into one box, and so do we.

# %%
pixels = tf.TensorSpec([None, dataset.crop_size, dataset.crop_size, 3], name="images")
inference_graph = tf.function(net.stages).get_concrete_function(pixels).graph
graphs.show(
    inference_graph,
    "A chain from images to softmax_linear. The blue boxes hold variables; B is the batch's size.",
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
# The convolution, the addition of the biases, and the activation function ReLU. The first two read a variable each,
# which takes a handle and a reading operation: 3 + 3 + 1.
#
# </details>

# %%
graphs.show(
    inference_graph, "The same chain; conv1 is a frame with three boxes in it.", expanded=["conv1"]
)

# %% [markdown]
# Put another scope between the brackets and look into it. There is no softmax anywhere, though the last stage is called
# `softmax_linear`: the loss, in the next lesson, takes the logits as they are.
#
# ## 1,068,298 parameters
#
# **Predict** before you run the next cell: which of the five layers has the most parameters, and which does the most
# work?
#
# <details><summary>Answer</summary>
#
# `local3` has 83 % of the parameters, `conv2` does 80 % of the multiply-adds. A convolution uses each of its weights
# once at every place of its result, 144 times for `conv2`; a matrix product uses each weight once.
#
# </details>

# %%
work = profile.multiply_adds(net)
size = {layer.name: profile.count_parameters(layer) for layer in network.layers(net)}
for layer in network.layers(net):
    shape = " x ".join(str(length) for length in layer.weights.shape)
    print(f"{layer.name:15s} {shape:>15s} {size[layer.name]:>10,} {work[layer.name]:>12,}")
print(f"{'together':31s} {sum(size.values()):>10,} {sum(work.values()):>12,}")

# %% [markdown]
# The columns are: the weights' shape, the parameters (biases included), and the multiply-adds for one picture. Take
# `conv2`: 5 x 5 x 64 x 64 weights, each used at 12 x 12 places, make 14,745,600 multiply-adds.
#
# The parameters are exactly the tutorial's. The multiply-adds are not: it says "about 19.5M". What could it have
# counted besides? Here is all the other arithmetic on the way, as generously as one can count it.

# %%
conv1, pool1, norm1, conv2, norm2, pool2, *dense = [np.prod(values.shape[1:]) for values in stages]
besides = {
    "adding the biases": conv1 + conv2 + sum(dense),
    "squares of nine neighbours in norm1 and norm2": 9 * (norm1 + norm2),
    "comparisons of nine pixels in pool1 and pool2": 9 * (pool1 + pool2),
}
for name, count in besides.items():
    print(f"{name:46s} {count:>10,}")
print(f"{'with the five layers':46s} {sum(besides.values()) + sum(work.values()):>10,}")

# %%
print(f"multiply-adds + parameters: {sum(work.values()) + sum(size.values()):,}")

# %% [markdown]
# So all other arithmetic is far too little: 18.8 M. One sum does give 19.5 M: multiply-adds plus parameters. Perhaps
# every parameter was counted once more, as if it also had to be added. Or another network was counted: with the locally
# connected top layers of exercise 2, which the tutorial's model comes from, there are 19,512,576 multiply-adds. The
# tutorial does not say, so these are guesses from the digits and not derivations. What can be shown is 18,470,784, and
# so this course says that.
#
# ## Where does the time go?
#
# Multiply-adds are not seconds. Each stage gets the result of the one before, and we measure how long it takes.

# %%
net_of = {"plain": cifarlab.ConvNet(seed=SEED, fast_ops=False), "fast": cifarlab.ConvNet(seed=SEED)}


# %%
def stage_functions(net):
    """Each stage as a function of the result before it."""
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
    """The shortest of seven runs of a compiled function; the others were disturbed."""
    compiled, seconds = tf.function(function), []
    compiled(values)
    for _ in range(7):
        started = time.perf_counter()
        compiled(values).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds)


# %%
def time_of_stages(net):
    """Milliseconds by stage for a batch; pools and normalizations together."""
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
    "Four bars in percent. Most parameters are in local3, most multiply-adds in conv2; of the time, "
    "the convolutions, the pools and the normalizations each have a part.",
)

# %% tags=["result"]
# NBVAL_IGNORE_OUTPUT
for form, by_stage in times.items():
    print(f"{form}: {sum(by_stage.values()):.0f} ms for 128 pictures")

# %% [markdown]
# The matrix products with their million parameters take hardly any time. `conv2` takes less than its share of the work,
# because a processor multiplies fastest where there is much to multiply; pools and normalizations take time and hardly
# multiply at all. The fast form has a `conv2` with a ninth of the multiplications (Winograd's minimal filtering,
# `cifarlab/model/ops/convolution.py`). What that brings on the way forward, which is all that we measured, depends on
# the machine; with the way back, which is most of training, a step was 1.6 and 2.0 times as fast on the two that we
# measured (`benchmarks/README.md`).
#
# ## The training graph, and the tutorial's 765 operations
#
# Training adds the loss, the gradients, the update and the averages. This is the whole step as a graph; a dotted arrow
# means "changes the variables of".


# %%
def graph_of_step(net):
    """The graph of one training step of a network."""
    state = cifarlab.TrainState(net)
    step = tf.function(lambda images, labels: cifarlab.train_step(state, images, labels))
    return step.get_concrete_function(images, labels).graph


# %%
training_graph = graph_of_step(net)
graphs.show(
    training_graph,
    "The chain of stages ends in loss; gradient_tape takes every stage's result; apply_gradients "
    "changes the variables of the five layers.",
)

# %% [markdown]
# Follow the arrows: nearly every stage has one to `gradient_tape`. A gradient needs what the stage computed on the way
# forward, which is why training takes more memory than inference: those results must be kept until then.
#
# **Predict:** the tutorial says that its training graph has roughly 765 operations. Has ours more or fewer?
#
# <details><summary>Answer</summary>
#
# Fewer than half as many. Add up the boxes: everything is there, from pixels to averaged weights. The rest was never
# mathematics; the next cell says what it was.
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
# TensorFlow 1's calls are still there, as `tf.compat.v1`, so `tf1_graph` builds the tutorial's graph once more,
# without running it. It has 715 operations today, somewhat fewer than in 2015. 365 of these 715 have other places in
# TensorFlow 2:
#
# - Reading, distorting and shuffling is `tf.data`'s, in a graph of its own that runs beside the step.
# - Variables are Python objects, with initial values computed once and not kept as operations.
# - Summaries are written by an observer of the run, on the steps that want them (lesson 4).
# - Saving and restoring is `tf.train.Checkpoint`'s.
#
# What is left is the mathematics, which is the same: inference, loss, gradients, update and averages, 350 operations
# there and 295 here. (The box `flag_nonfinite` keeps the first step whose numbers are infinite or none, and costs
# 34 of ours.) The number says nothing about time, by the way: the fast form of our graph has more operations than the
# plain one.

# %%
fast = sum(profile.count_operations(graph_of_step(net_of["fast"])).values())
print("more operations in the fast form:", fast > ours)

# %% [markdown]
# ## Normalization in five lines
#
# `norm1` and `norm2` are *local response normalization*: each value is divided by a power of the sum of squares over
# itself and its eight neighbours among the channels, four on each side. A channel that is strong at some place makes
# its neighbours weaker there. In numpy it is five lines:


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
# **Predict:** how much does it change? Values after `pool1` are about 1, nine squares are about 9, and alpha is
# 0.001 / 9.
#
# <details><summary>Answer</summary>
#
# The bracket is about 1.001, and to the power of 0.75 that is less than one in a thousand.
#
# </details>

# %%
nonzero = stages.pool1.numpy() > 0
factor = stages.norm1.numpy()[nonzero] / stages.pool1.numpy()[nonzero]
print("it takes 2 % off at most:", bool(factor.min() > 0.98))
print("half of all values lose less than 0.2 %:", bool(np.median(factor) > 0.998))

# %% [markdown]
# Almost nothing, at the start at least: a value of about 1 among others like it loses less than a thousandth. Where
# several neighbouring channels are much larger than 1 it is up to 2 %, for their squares are added. What does that do
# for training?
#
# ## A short training
#
# To look at filters and activations we need a network that has seen something. 50 steps are little, and enough to see
# where it goes. The same again without normalization: in a *subclass* of the network that replaces one method. `train`
# takes it as it takes the tutorial's own.


# %%
class Unnormalized(cifarlab.ConvNet):
    """The tutorial's network, its normalizations left out."""

    def normalize(self, values, name):
        """Passes the values on."""
        return values


# %%
def train(net, steps=50):
    """Trains a network on the data set, and returns the cross-entropy of every step."""
    folder = tempfile.mkdtemp()
    config = cifarlab.TrainConfig(train_dir=folder, max_steps=steps, log_frequency=1, seed=SEED)
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
figures.show(figure, "Two noisy curves that fall together and can hardly be told apart.")

# %% [markdown]
# On this run it makes no difference that one could see. Local response normalization was thought to help in 2012; the
# networks of later years left it out, or took batch normalization, which does something else.
#
# ## Filters
#
# `conv1` has 64 filters of 5 x 5 pixels and three colours, so each can be shown as a small picture. Above as they
# started, in the middle as they are now, below what the 50 steps have changed; 24 of the 64, each stretched to the
# full range of grey levels.


# %%
def as_pictures(weights):
    """Weights of [5, 5, 3, 64] as a row of 24 enlarged pictures."""
    filters = np.transpose(weights, [3, 0, 1, 2])[:24]
    return image_grids.rescale_to_255(filters).repeat(4, 1).repeat(4, 2)


# %%
start = cifarlab.ConvNet(seed=SEED).conv1.weights.numpy()
now = trained.conv1.weights.numpy()
rows = {"start": as_pictures(start), "now": as_pictures(now), "change": as_pictures(now - start)}
figure, (ax,) = figures.subplots(height=1.2)
image_grids.image_grid(ax, rows)
figures.show(
    figure,
    "Rows of 24 filters: coloured noise at the start, nearly the same noise now; the change is smooth, "
    "with edges and colours.",
)

# %% [markdown]
# After 50 steps the initial noise still covers everything, but the change is no noise: neighbouring pixels change
# together, as edges and patches of colour. That is what filters of a long training look like.
#
# ## One picture through all nine stages
#
# Now we follow one picture. Each row shows what a stage makes of it: of the convolutions, pools and normalizations the
# first 16 of 64 channels, of `local3` and `local4` all units, dealt out to 16 squares, and last the ten logits.
# The lighter, the larger; black is the stage's smallest value.

# %%
rows = {"picture": image_grids.rescale_to_255(images[:1])}
for name, values in trained.stages(images[:1])._asdict().items():
    rows[name] = image_grids.feature_maps(values[0])[..., None].repeat(3, -1)
figure, (ax,) = figures.subplots(height=4.6)
image_grids.image_grid(ax, rows)
figures.show(
    figure,
    "A picture, and a row of grey squares for each stage: outlines of it in conv1, coarser ones in pool1, "
    "blobs in conv2 and pool2, single units in local3 and local4, ten grey values at the end.",
)

# %% [markdown]
# In `conv1` one still sees the picture, in some channels its edges and in others its surfaces. From stage to stage less
# of *where* is left and more of *what*; and much is black.
#
# ## Sparsity
#
# Black is zero: ReLU turns everything negative into 0. The share of zeros is called *sparsity*, and the tutorial writes
# it down for every layer.
#
# **Predict:** what share of `conv1`'s results is zero before training, when the weights are random with mean zero?
#
# <details><summary>Answer</summary>
#
# About half: a sum of random weights with mean zero is negative as often as positive.
#
# </details>

# %%
names = ["conv1", "conv2", "local3", "local4"]
zeros = {
    when: {name: float(tf.nn.zero_fraction(getattr(net.stages(images), name))) for name in names}
    for when, net in {"before training": cifarlab.ConvNet(seed=SEED), "after": trained}.items()
}
print("half of conv1 is zero at first:", abs(zeros["before training"]["conv1"] - 0.5) < 0.1)

# %%
figure, axes = figures.subplots(1, 2, height=2.6, sharey=True)
for ax, (when, shares) in zip(axes, zeros.items(), strict=True):
    percent = {name: round(100 * share) for name, share in shares.items()}
    plots.bars(ax, percent, title=f"How much is zero {when}?", y="% of the values")
figures.show(figure, "The share of zeros in conv1, conv2, local3 and local4, before and after.")

# %% [markdown]
# Sparsity that grows means that units have become choosy: they answer to some pictures only. A layer at 100 % would
# be dead, for a unit that is always zero gets no gradient and cannot come back. The next lesson but one watches
# `local3` over a whole run.
#
# ## The program as a template: a deeper network
#
# The tutorial wants to be a starting point for larger networks. So let us put a third convolution before the second
# pool. A new network says two things: which layers it has, and in which order they are used. Loss, training,
# checkpoints and evaluation stay as they are.

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
# A class of twelve lines, and nothing else was touched: `train` has compiled its graph, found its variables, written
# its checkpoint. The parameters and multiply-adds are counted by the same functions. Whether a deeper network is a
# *better* one is a matter of hours, not of 20 steps. For comparison: the recorded run of the tutorial's own network,
# 60,000 steps and 95 minutes on two cores, reached 82.3 % of the CIFAR-10 test pictures.
#
# ## Recap
#
# - Nine stages lead from pixels to logits; five hold variables, 1,068,298 numbers in all, most of them in `local3`.
# - Work is not where the parameters are: `conv2` does 80 % of 18,470,784 multiply-adds, and time is shared otherwise
#   again.
# - A network is a class with layers and `stages`. Everything else takes it as it is.
#
# **Try next:** open `gradient_tape` in the training graph; write `activation=tf.nn.tanh` into a stage of `Deeper` and
# look at the sparsity; set alpha to 0.1 in our five lines and see how much normalization then changes.
#
# **Exercise:** [02_locally_connected](../exercises/02_locally_connected.ipynb). **Next lesson:**
# [03_loss_and_learning_rate](03_loss_and_learning_rate.ipynb), what is minimised, and how fast.
