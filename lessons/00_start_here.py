# %% [markdown]
# # 0. Start here
#
# TensorFlow's tutorial "Convolutional Neural Networks" taught a generation how a training program is built: read
# images, distort them, compute logits, a loss and its gradients, average the weights, evaluate while training runs, use
# several GPUs. It was written in 2015, for a TensorFlow that no longer exists. This course is that tutorial on
# TensorFlow 2: the same network and the same functions under the same names, on a laptop, without a GPU, offline.
#
# **Who it is for:** you know Python, numpy and some machine learning: what a gradient, a loss and a convolution are.
# You do not need to know TensorFlow 1. Where the tutorial's terms have changed their meaning, the lessons say so, and
# the glossary below collects them.
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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## The whole tutorial on three screens
#
# Read `examples/one_file.py` first. It has inputs, network, loss, training step, averages, evaluation and console lines
# in 130 lines of plain TensorFlow 2, from top to bottom. `python examples/one_file.py` trains it. A test checks that
# the package computes the same losses and weights. This is what the package adds:
#
# - **Speed:** the same training takes half the time (`benchmarks/README.md`).
# - **Exact resume:** a run that is interrupted and resumed ends with the same weights as an uninterrupted one ([lesson
#   4](04_training.ipynb)).
# - **Towers:** the same step on several devices or machines ([lesson 6](06_multi_gpu.ipynb)).
# - **Checks:** exercises that tell you at once whether your answer is correct and, if not, why.
#
# ## The map
#
# | lesson | question | minutes |
# | --- | --- | ---: |
# | [01_inputs](01_inputs.ipynb) | What does the network really see? | 20 |
# | [02_inference_graph](02_inference_graph.ipynb) | What is computed from pixels to logits? | 30 |
# | [03_loss_and_learning_rate](03_loss_and_learning_rate.ipynb) | What is minimized, and how fast? | 25 |
# | [04_training](04_training.ipynb) | Is it learning? | 35 |
# | [05_evaluation](05_evaluation.ipynb) | How good is it, and why do averages help? | 35 |
# | [06_multi_gpu](06_multi_gpu.ipynb) | How does it scale? | 35 |
# | [07_your_own_data](07_your_own_data.ipynb) | How do I get from my own images to a classifier? | 35 |
#
# The minutes are for reading and trying; running a lesson from top to bottom takes less than a minute. Each lesson
# begins with what you need to know and what you will be able to do. Together they tell one story, but each also runs on
# its own: if you only want to learn about evaluation, start there.
#
# ## Is everything installed?
#
# `cifarlab doctor` on the command line reports what is installed, which datasets and devices are available, and what to
# do about anything missing. Below is its report, without folder names, so that you can share this notebook. An arrow
# marks something that you can do; usually you do not need to.

# %%
# NBVAL_IGNORE_OUTPUT
findings = [finding for finding in doctor.diagnose() if finding.topic != "data directory"]
print(doctor.format_report([one._replace(found=one.found.split(" in ")[0]) for one in findings]))

# %% [markdown]
# ## Which images?
#
# The lessons' text is about CIFAR-10, the tutorial's images. The outputs that you find in the lessons come from images
# that any machine can draw. Both run through the same cells:
#
# - `cifar10` is the real dataset: 60,000 small photographs, a download of 170 MB.
# - `drawn` contains images of the same ten classes, which cifarlab generates in a few seconds and without a network
#   connection. A network learns them faster, so results on them say nothing about CIFAR-10.
# - `svhn` and `svhn_extra` are photographs of house numbers, and `street_digits` contains house numbers that cifarlab
#   draws. Exercise 6 is about them. Lesson 7 is about your own images.
#
# To use CIFAR-10 in all lessons, set a variable when you start JupyterLab: `CIFARLAB_DATASET=cifar10 make lab`. To use
# it in a single lesson, write its name into the line of that lesson that calls `cifarlab.load`.

# %%
print("datasets:", *registry.SOURCES)
print("classes:", *dataset.classes)

# %%
batch, labels = next(iter(cifarlab.inputs(dataset, batch_size=48)))
crops = image_grids.rescale_to_255(batch).reshape(4, 12, *batch.shape[1:])
figure, (ax,) = figures.subplots(height=2.8)
image_grids.image_grid(ax, crops, title="What do the first 48 test images look like?")
figures.show(
    figure, "48 small images of animals and vehicles in four rows of twelve.", checksum=True
)

# %% [markdown]
# ## How a lesson works
#
# Text says why, a short cell does it, and each figure answers the question in its title. Functions longer than a few
# lines are in the package `cifarlab`, with tests. To see the source of one, run `cifarlab.inputs??` in a cell.
#
# Before a surprising result there is a **prediction**. Think, preferably write down your guess, and then run the cell.
# What you guessed wrong you will remember. The answer is folded: click on it to open it. For example:
#
# **Predict:** a network that has learned nothing gives each of ten classes about the same probability. Cross-entropy is
# the mean of minus the natural logarithm of the correct class's probability, so you can already work it out. What is
# it?
#
# <details><summary>Answer</summary>
#
# The probability is 1/10, so the cross-entropy is ln 10 = 2.30. But the tutorial's console shows 4.68 at step 0. Lesson
# 3 explains what else is in its loss.
#
# </details>

# %% tags=["result"]
net = cifarlab.ConvNet(dataset.num_classes, dataset.crop_size, seed=SEED)
logits = cifarlab.inference(net, batch)
losses = cifarlab.loss(net, logits, labels)
print(f"cross-entropy {losses.cross_entropy:.1f}, total loss {losses.total:.1f}")

# %% [markdown]
# These lines are half of the tutorial: `inputs`, `inference` and `loss` are its own names. The other half is
# `train_step`, which updates the weights, and a loop around it, `train`.
#
# You can change any cell and run it again. Nothing is hidden: a cell only uses what the cells above it have defined.
# When in doubt, use *Kernel, Restart Kernel and Run All Cells*. Runs are written to temporary folders, so nothing that
# you do in one lesson can damage another.
#
# ## Exercises
#
# | exercise | after lesson | what you do |
# | --- | --- | --- |
# | `01_softmax` | 3 | return probabilities instead of logits, and see what that does to the loss |
# | `02_locally_connected` | 2 | replace the top layers with locally connected ones |
# | `03_queue_fill` | 1 | find the smallest shuffle queue that mixes well enough |
# | `04_without_averages` | 5 | evaluate without averaged weights |
# | `05_two_gpus` | 6 | compare two towers of 64 with one of 128 |
# | `06_svhn` | 7 | house numbers instead of animals: adapt data, distortions and network |
#
# Each has stubs to fill in, an instant check that says what was expected and what your code returned, two hints that
# are folded like the answers above, and an experiment to explain in two sentences. Each says at the top what to submit.
# The solutions are in the folder `solutions`.
#
# ## A short glossary
#
# TensorFlow 1 terms that the tutorial and programs like it use, what replaced them, and the lesson that covers the
# replacement.
#
# | term | in TensorFlow 1 | today, and here | lesson |
# | --- | --- | --- | ---: |
# | graph | what a program built before anything was computed | what `tf.function` traces from a Python function | 2 |
# | session | ran pieces of a graph and held the variables | gone: you call a function | 4 |
# | placeholder, feed_dict | where a value enters a graph | an argument of a function | 2 |
# | queue, queue runner | a node of the graph that Python threads filled | `tf.data` and its shuffle buffer | 1 |
# | whitening | standardizing an image | `tf.image.per_image_standardization` | 1 |
# | variable scope, `get_variable` | names of variables, and a way to share them | use the same Python object | 6 |
# | end points | TF-Slim's dictionary of a network's stages | `net.stages(images)` | 2 |
# | collection | a named list in the graph, such as all losses | functions return what they compute | 3, 6 |
# | global step | a variable that an optimizer increments | `state.step` | 3 |
# | summary op, `FileWriter` | nodes that produce records for TensorBoard | an observer that writes them | 4 |
# | hook, `MonitoredTrainingSession` | code called around each `session.run` | an observer passed to `train` | 4 |
# | `Saver` | wrote variables by name | `tf.train.Checkpoint`; a run resumes automatically | 4 |
# | shadow variables | moving averages of the weights, swapped in for evaluation | a second network | 5 |
# | tower | the network on one GPU | the same; `tf.distribute` says replica | 6 |
# | parameter server | a process that holds the variables | the CPU for towers; a copy on each replica | 6 |
#
# Three common terms have kept their meaning: a *step* is one update of the weights; an *epoch* is the number of steps
# in which every training image is seen once; *precision @ 1* is the share of images whose most probable class is the
# correct one.
#
# ## Recap
#
# - There are seven lessons, each with one question. They run anywhere, in any order, in under a minute each.
# - Predict before you run. Answers and hints are folded.
# - `cifarlab doctor` tells you what is missing.
#
# **Try next:** change the cell below the prediction to use your own batch, for example `batch[:1]` with `labels[:1]`,
# and see what the loss of a single image is.
#
# **Next lesson:** [01_inputs](01_inputs.ipynb), what the network really sees.
