# %% [markdown]
# # 0. Start here
#
# TensorFlow's tutorial "Convolutional Neural Networks" taught a generation how a training program is built: read
# pictures, distort them, compute logits, a loss and its gradients, average the weights, evaluate beside the training,
# use several GPUs. It was written in 2015, for a TensorFlow that no longer exists. This course is that tutorial on
# TensorFlow 2: the same network, the same functions by the same names, on a laptop, without a GPU and offline.
#
# **For whom:** you know Python and numpy and some machine learning: what a gradient, a loss and a convolution are. You
# need not know TensorFlow 1. Where the tutorial's words have changed their meaning, the lessons say so, and the
# glossary below gathers them.
#
# **Time**: 10 minutes to read, half a minute to run on two processor cores.

# %%
import os

import cifarlab  # not found? docs/run-online.md
from cifarlab import doctor
from cifarlab.data import registry
from cifarlab.plotting import figures, image_grids

SEED = 0
dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## The whole tutorial on three screens
#
# Read `examples/one_file.py` first: inputs, network, loss, training step, averages, evaluation and console lines in
# 130 lines of plain TensorFlow 2, from top to bottom. `python examples/one_file.py` trains it. A test checks that the
# package computes the same losses and weights. What the package adds:
#
# - **Speed:** the same training takes half the time (`benchmarks/README.md`).
# - **Exact resume:** a run that is interrupted ends like one that was not ([lesson 4](04_training.ipynb)).
# - **Towers:** the same step on several devices or machines ([lesson 6](06_multi_gpu.ipynb)).
# - **Checks:** exercises that tell you at once whether you are right and, if not, why.
#
# ## The map
#
# | lesson | question | minutes |
# | --- | --- | ---: |
# | [01_inputs](01_inputs.ipynb) | What does the network really see? | 20 |
# | [02_inference_graph](02_inference_graph.ipynb) | What is computed from pixels to logits? | 30 |
# | [03_loss_and_learning_rate](03_loss_and_learning_rate.ipynb) | What is minimised, and how fast? | 25 |
# | [04_training](04_training.ipynb) | Is it learning? | 35 |
# | [05_evaluation](05_evaluation.ipynb) | How good is it, and why do averages help? | 35 |
# | [06_multi_gpu](06_multi_gpu.ipynb) | How does it scale? | 35 |
# | [07_your_own_data](07_your_own_data.ipynb) | How do I get from my own pictures to a classifier? | 35 |
#
# The minutes are for reading and trying; running a lesson from top to bottom takes less than one. Each lesson begins
# with what it asks of you and what you will be able to do, and each runs by itself. In order they tell one story, but
# whoever only wants to know about evaluation can begin there.
#
# ## Is everything here?
#
# `cifarlab doctor` on the command line says what is installed, which data sets and devices there are, and what to do
# about what is missing. Here is what it finds, without the folders, so that you can hand this notebook on. An arrow
# marks what you can do; most often you need not.

# %%
# NBVAL_IGNORE_OUTPUT
findings = [finding for finding in doctor.diagnose() if finding.topic != "data directory"]
print(doctor.format_report([one._replace(found=one.found.split(" in ")[0]) for one in findings]))

# %% [markdown]
# ## Which pictures?
#
# The lessons' prose is about CIFAR-10, the tutorial's pictures. Their outputs, as you find them, are from pictures that
# every machine can draw. Both run through the same cells:
#
# - `cifar10` is the real one: 60,000 small photographs, a download of 170 MB.
# - `drawn` holds pictures of the same ten classes that cifarlab draws by rule, in a few seconds and without a network.
#   A network learns them faster, so figures reached on them say nothing about CIFAR-10.
# - `svhn` and `svhn_extra` are photographed house numbers, and `street_digits` such that cifarlab draws; exercise 6 is
#   about them. Lesson 7 is about pictures of your own.
#
# To use CIFAR-10 in all lessons, start JupyterLab with its name: `CIFARLAB_DATASET=cifar10 make lab`. To use it in
# one lesson, write its name into that lesson's line with `cifarlab.load`.

# %%
print("data sets:", *registry.SOURCES)
print("classes:", *dataset.classes)

# %%
batch, labels = next(iter(cifarlab.inputs(dataset, batch_size=48)))
crops = image_grids.rescale_to_255(batch).reshape(4, 12, *batch.shape[1:])
figure, (ax,) = figures.subplots(height=2.8)
image_grids.image_grid(ax, crops, title="What do the first 48 test pictures look like?")
figures.show(
    figure, "48 small pictures of animals and vehicles in four rows of twelve.", checksum=True
)

# %% [markdown]
# ## How a lesson works
#
# Text says why, a short cell does it, each figure answers the question in its title. Functions longer than a few lines
# are in the package `cifarlab`, with tests; `cifarlab.inputs??` in a cell shows you the source of one.
#
# Before a surprising result there is a **prediction**. Think, better write it down, and then run the cell; what you
# guessed wrong you will remember. The answer is folded away: click on it to open it. For example:
#
# **Predict:** a network that has learned nothing gives each of ten classes about the same probability. Its
# cross-entropy is the mean of minus the natural logarithm of the right class's probability, a number that you can
# work out now. What is it?
#
# <details><summary>Answer</summary>
#
# The probability is 1/10, so it is ln 10 = 2.30. The tutorial's console shows 4.68 at step 0, though; what else is in
# its loss is a question of lesson 3.
#
# </details>

# %% tags=["result"]
net = cifarlab.ConvNet(dataset.num_classes, dataset.crop_size, seed=SEED)
logits = cifarlab.inference(net, batch)
losses = cifarlab.loss(net, logits, labels)
print(f"cross-entropy {losses.cross_entropy:.1f}, total loss {losses.total:.1f}")

# %% [markdown]
# These lines are half of the tutorial: `inputs`, `inference` and `loss` are its own names. The other half is
# `train_step`, which moves the weights, and a loop around it, `train`.
#
# You can change any cell and run it again. Nothing is hidden: a cell uses what the cells above it made. When in doubt,
# use *Kernel, Restart Kernel and Run All Cells*. Runs are written into temporary folders, so that nothing that you do
# in a lesson can harm another.
#
# ## Exercises
#
# | exercise | after lesson | what you do |
# | --- | --- | --- |
# | `01_softmax` | 3 | return probabilities instead of logits, and see what that does to the loss |
# | `02_locally_connected` | 2 | replace the top layers by locally connected ones |
# | `03_queue_fill` | 1 | find the smallest shuffle queue that mixes well enough |
# | `04_without_averages` | 5 | evaluate without averaged weights |
# | `05_two_gpus` | 6 | compare two towers of 64 with one of 128 |
# | `06_svhn` | 7 | house numbers instead of animals: adapt data, distortions and network |
#
# Each has stubs to fill in, an instant check that says what was expected and what came, two hints that are folded like
# the answers above, and an experiment to explain in two sentences. It says at the top what to hand in. The solutions
# are in the folder `solutions`.
#
# ## A short glossary
#
# Words of TensorFlow 1, as the tutorial and programs like it use them, what became of them, and the lesson about what
# stands there now.
#
# | word | in TensorFlow 1 | today, and here | lesson |
# | --- | --- | --- | ---: |
# | graph | what a program built before anything was computed | what `tf.function` traces from a Python function | 2 |
# | session | ran pieces of a graph and held the variables | gone: one calls a function | 4 |
# | placeholder, feed_dict | where a value comes into a graph | an argument of a function | 2 |
# | queue, queue runner | a node of the graph that Python threads filled | `tf.data` and its shuffle buffer | 1 |
# | whitening | standardizing a picture | `tf.image.per_image_standardization` | 1 |
# | variable scope, `get_variable` | names of variables, and how to share them | use the same Python object | 6 |
# | end points | TF-Slim's dictionary of a network's stages | `net.stages(images)` | 2 |
# | collection | a named list of the graph, such as of all losses | functions return what they compute | 3, 6 |
# | global step | a variable that an optimizer counts up | `state.step` | 3 |
# | summary op, `FileWriter` | nodes that make records for TensorBoard | an observer that writes them | 4 |
# | hook, `MonitoredTrainingSession` | code called around each `session.run` | an observer of `train` | 4 |
# | `Saver` | wrote variables by name | `tf.train.Checkpoint`; a run goes on by itself | 4 |
# | shadow variables | moving averages beside the weights, swapped in for evaluation | a second network | 5 |
# | tower | the network on one GPU | the same; `tf.distribute` says replica | 6 |
# | parameter server | a process that holds the variables | the CPU for towers; a copy on each replica | 6 |
#
# And three words that mean the same as ever, since much is said with them: a *step* is one update of the weights; an
# *epoch* is so many steps that every training picture was seen once; *precision @ 1* is the share of pictures whose
# most probable class is the right one.
#
# ## Recap
#
# - Seven lessons, each with one question; they run anywhere, in any order, in under a minute each.
# - Predict before you run; answers and hints are folded away.
# - `cifarlab doctor` knows what is missing.
#
# **Try next:** change the prediction's cell to a batch of your own, for example `batch[:1]` with `labels[:1]`, and
# see what the loss of a single picture is.
#
# **Next lesson:** [01_inputs](01_inputs.ipynb), what the network really sees.
