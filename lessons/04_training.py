# %% [markdown]
# # 4. Training: is it learning?
#
# A training run takes minutes, hours or days, and most of what can go wrong does not stop it: the loss falls a
# little, the console goes on printing, and the network learns nothing worth having. This lesson is about looking. You
# train, read the run in four different places, steer it while it runs, stop it, and go on where it stopped.
#
# **You need** lesson 3's loss and learning rate. **You will be able to** say what each number on the console means,
# check that the network is given the right pictures, read distributions of weights, gradients and activations, find
# the same run in TensorBoard, pause, stop and steer a run from another thread, and continue one from its checkpoint.
#
# **Time**: 35 minutes to read and try, under a minute to run on two processor cores.

# %%
import os
import tempfile
import threading

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.backend import tf
from cifarlab.demos import distributions, tensorboard
from cifarlab.monitoring import console, dashboard, summaries
from cifarlab.plotting import figures, image_grids, plots, runs
from cifarlab.training import checkpoints, run_log

dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
os.chdir(tempfile.mkdtemp())  # runs are written below the folder that one stands in
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed 0")

# %% [markdown]
# ## Four ways to look at a run
#
# `cifarlab.train` runs in silence and knows nothing of consoles or plots. Whoever wants to look passes an *observer*,
# an object that the loop tells what it did. Observers look and never steer, so a run with them and one without end in
# the same weights. We pass three:
#
# - `Console` prints the tutorial's lines.
# - `Summaries` writes TensorBoard's event files.
# - `DistributionRecorder` keeps distributions in memory, for this notebook's figures.
#
# The fourth way needs none of them: each run writes a log, one line of JSON for each event, into its folder.
#
# (In TensorFlow 1 a *session* ran pieces of a graph and held the variables. The tutorial's later version hung *hooks*
# on a `MonitoredTrainingSession`, and those printed, wrote summaries and saved checkpoints. Here the loop is a Python
# loop around one compiled function, and observers are what hooks were.)
#
# TensorBoard takes some seconds to start, so we start it now, as a process of its own, and go on without waiting. It
# will look into the folder `runs`, where there is nothing yet.

# %%
board = tensorboard.TensorBoard("runs")

# %% [markdown]
# The run below is short: 100 steps with batches of 64 instead of the tutorial's 128, and it saves a checkpoint every
# 25 steps instead of every 1,000, and is looked at more often. Otherwise it is the tutorial's recipe.
#
# **Predict:** the first line tells the speed of step 0. Will it be faster or slower than that of the lines after it?
#
# <details><summary>Answer</summary>
#
# Much slower. Step 0 waits for the shuffle queue to fill and for TensorFlow to trace and compile the step. The
# tutorial's log shows the same: 2.0 examples/sec at step 0.
#
# </details>

# %%
# NBVAL_IGNORE_OUTPUT
settings = {"dataset": dataset.name, "max_steps": 100, "batch_size": 64, "log_frequency": 5}
config = cifarlab.TrainConfig(train_dir="runs/first", checkpoint_steps=25, **settings)
seen = distributions.DistributionRecorder(every=10)
observers = [console.Console(), summaries.Summaries(10), seen]
state = cifarlab.train(config, dataset=dataset, observers=observers)

# %% [markdown]
# Each line has the form of the tutorial's: when; the step, counted from 0; the total loss of *that step's batch
# alone*, so it jumps about; then how many pictures a second were trained on since the line before, and how many
# seconds a batch took. The two speeds say the same thing: pictures a second are the batch size divided by the seconds
# of a batch. (The line at the top is about a pause that the tutorial announces as "a few minutes".)
#
# ## The loss, from the run's log
#
# The log holds the same numbers and more, and outlives the notebook.

# %%
log = list(run_log.read_log("runs/first"))
losses = runs.series(log, "losses", "total_loss")[1]
print("events:", ", ".join(sorted({event["event"] for event in log})))
print(f"loss at step 0: {losses[0]:.1f}; later 0.2 lower: {min(losses) < losses[0] - 0.2}")

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.9)
runs.losses(left_ax, log)
runs.speed(right_ax, log)
figures.show(
    figure,
    "Left: the loss of single batches, jagged, and its moving average, smooth, both falling from 4.7. "
    "Right: images per second between two logged steps.",
)

# %% [markdown]
# The pale line is what the console prints. The strong one is its moving average with decay 0.9, a memory of about ten
# steps, and the one to judge by. It falls, so something is being learned. The speed goes up and down because looking
# costs time: at every tenth step the summaries and the recorder ask for a second pass through the network. Most of
# their work comes after that step's line was printed, so it is the next line, that of step 5, 15 and so on, that is
# slow.
#
# But part of the loss's fall is weight decay alone, which makes the weights smaller whatever the pictures show
# (lesson 3). What tells of the pictures is the cross-entropy. A network that only guesses among ten classes stands at
# ln 10 = 2.30.

# %%
names = {"cross-entropy": "cross_entropy", "decay of local3": "local3/weight_loss"}
curves = {name: runs.series(log, "averaged_losses", key) for name, key in names.items()}
figure, (ax,) = figures.subplots(height=2.9)
plots.lines(ax, curves, title="Which part of the loss falls?", x="step", y="averaged loss (nats)")
ax.axhline(np.log(10), color=figures.MUTED_COLOR, linestyle="--", label="guessing: ln 10")
ax.legend(frameon=False, fontsize=9)
figures.show(
    figure, "Cross-entropy leaves the line of guessing; local3's weight decay falls slowly."
)

# %% tags=["result"]
cross_entropy = curves["cross-entropy"][1]
print(f"guessing: {np.log(10):.2f}; below it by step 95: {cross_entropy[-1] < np.log(10) - 0.1}")

# %% [markdown]
# ## Is the model given appropriate images?
#
# The tutorial asks this of its image summary, and for good reason. Labels that slipped by one record, colour planes
# read in the wrong order, pictures that were standardized twice: none of these raises an error, and with most of them
# the loss still falls. So look at the batch *as the network got it*, not at the files. The recorder kept the last
# batch that it looked at. (Grey levels are stretched for your eyes, as in lesson 1.)

# %%
images, labels = image_grids.rescale_to_255(seen.images), seen.labels
present = np.unique(labels)
rows = {dataset.classes[label]: images[labels == label][:10] for label in present}
figure, (ax,) = figures.subplots(height=0.25 + 0.48 * len(rows))
image_grids.image_grid(ax, rows)
title = "One batch of 64 as the network got it, a row for each class: crops with strange contrasts."
figures.show(figure, title)

# %% [markdown]
# Three questions to ask of such a sheet. Can you tell what is in the pictures? Do they fit the names on their left?
# Do they vary as they should: mirrored, shifted, in other contrasts? Then two that numbers answer: is each picture
# standardized, and are all classes there, about equally often?

# %%
print("mean 0 and deviation 1:", bool(np.abs(seen.images.mean((1, 2, 3))).max() < 1e-4),
      bool(np.abs(seen.images.std((1, 2, 3)) - 1).max() < 1e-2))  # fmt: skip
print("classes in the batch:", len(present), "of", dataset.num_classes)

# %% [markdown]
# This is what the same pictures look like with the most frequent mistake, planes taken for interleaved colours
# (lesson 1). Shapes, types, means and deviations are all as before.
#
# **Predict:** would you see it in the loss?
#
# <details><summary>Answer</summary>
#
# Hardly. The network would learn from the stripes, since the same wrong order holds for every picture; only slower
# and less, because neighbours are no longer neighbours. You would blame the learning rate. Looking takes a minute.
#
# </details>

# %%
wrong = images[:12].transpose(0, 3, 1, 2).reshape(-1, 24, 24, 3)
figure, (ax,) = figures.subplots(height=1.5)
image_grids.image_grid(ax, {"right": images[:12], "wrong": wrong})
figures.show(
    figure, "Above, twelve pictures of the batch; below, each as nine small grey copies in stripes."
)

# %% [markdown]
# ## Distributions over the steps
#
# One number a step says whether the loss falls. Where training goes wrong, and in which layer, shows in how weights,
# gradients and activations are spread. Each panel below is one layer. The black line is the median; the bands hold
# the middle 38, 68, 87 and 100 % of the values, as in TensorBoard's tab *Distributions*.

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.weights, y="weights")
figures.show(
    figure, "Weights of five layers: wide bands that hardly move, softmax_linear's growing."
)

# %% [markdown]
# Weights move slowly. In 100 steps most of them stay where they were drawn, and what the network has learned by now
# lies in small changes of many. Only `softmax_linear` began with tiny weights (deviation 1/192) and visibly grows.

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.gradients, y="gradients")
figures.show(
    figure,
    "Gradients of five layers: narrow in the first steps but for softmax_linear's, wider once learning starts.",
)

# %% [markdown]
# **Why are the gradients of the lower layers so small at first?** Before you open the answer, think of what a
# gradient passes on its way down.
#
# <details><summary>Answer</summary>
#
# It is multiplied with the weights of `softmax_linear`, and these are tiny in the beginning. As they grow, more of
# the error gets through, and the layers below begin to learn. That is one reason why the loss falls slowly at first.
#
# </details>

# %%
spread = {name: np.ptp(np.array(rows)[:, 1:8], axis=1) for name, rows in seen.gradients.items()}
grown = {name: max(values) / values[0] for name, values in spread.items()}
print("gradients of conv1 at least twice as wide later:", bool(grown["conv1"] > 2))
print("every layer has gradients:", all(values.min() > 0 for values in spread.values()))

# %% [markdown]
# What to look for here: gradients that are zero in some layer (it is cut off, or its ReLUs are all dead), or that
# grow by powers of ten (the rate is too high; the next sign is a loss that is not a number, and there cifarlab
# stops).

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.activations, y="activations")
figures.show(
    figure, "Activations of five layers: at or above zero but for the logits, which spread."
)

# %% [markdown]
# ReLUs give nothing below zero, so the medians of the first four lie at or near it. The last panel shows the logits.
# They begin as nearly equal (the network has no opinion), and spread as it forms one.
#
# ## How many units are silent?
#
# *Sparsity* is the share of activations that are exactly zero. The tutorial logs it for each layer. Its `local3` is
# the layer to watch: it holds 83 % of all parameters, and a silent unit leaves its whole share of them unused.
#
# **Predict:** at step 0, about what share of `local3`'s units is silent? It has random weights, and biases of 0.1.
#
# <details><summary>Answer</summary>
#
# Random weights make sums that are positive as often as negative: one half. The bias of 0.1 shifts them all a little
# to the positive side, so somewhat less than half is silent.
#
# </details>

# %%
curves = {
    name: (seen.steps, seen.sparsity[name]) for name in ("conv1", "conv2", "local3", "local4")
}
figure, (ax,) = figures.subplots(height=2.9)
plots.lines(
    ax, curves, title="What share of units is silent?", x="step", y="activations that are zero"
)
ax.set_ylim(0, 1)
figures.show(figure, "Sparsity of four layers: all near one half at first, rising slowly.")

# %%
local3 = seen.sparsity["local3"]
print("local3, silent at step 0, between 40 and 50 %:", 0.4 < local3[0] < 0.5)
print("local3 is sparser at the end:", local3[-1] > local3[0])

# %% [markdown]
# It rises a little, as units begin to specialize: one that answers to fewer pictures is silent for more of them. A
# slow rise is healthy. A layer that jumps to 1 is dead: no gradient passes a silent ReLU, so it cannot come back.
#
# ## The same run in TensorBoard
#
# To open TensorBoard on this run yourself, run two lines in this notebook: `%load_ext tensorboard`, then
# `%tensorboard --logdir runs`. In a terminal, in cifarlab's folder, it is `.venv/bin/tensorboard --logdir FOLDER`,
# with what `os.path.abspath("runs")` says here as the FOLDER. Here the process that we started above has had time to
# find our run. We ask it what its own web page would ask.

# %%
print("answers on this machine alone:", board.address.startswith("http://127.0.0.1:"))
points = board.scalars("first", "local3/sparsity", until=90)
print("steps that it has read:", [step for step, value in points])
print("as we saw it:", np.allclose([value for step, value in points], local3))

# %%
board.scalars("first", "softmax_linear/sparsity", until=90)  # the last that a step writes
scalars = board.ask("data/plugin/scalars/tags")["first"]
print("\n".join(sorted(scalars)))

# %% [markdown]
# These are the tutorial's names, but for `queue/...` and `examples_per_second`, which are ours. `total_loss (raw)` is
# the loss of a batch, `total_loss` its moving average, and `conv1/sparsity` what we just drew. The tab *Graphs* has the
# training graph, *Images* three pictures of each batch that was looked at, *Distributions* and *Histograms* what you
# saw above. (A *summary* in TensorFlow 1 was an operation of the graph: one had to run it and hand its result to a
# writer. Today it is a function that writes.)
#
# The process has done its work and can go:

# %%
board.stop()

# %% [markdown]
# The event files stay. They are no secret format: TensorBoard's own reader gives the values back, and they are those
# of the log.

# %%
from tensorboard.backend.event_processing import event_accumulator

reader = event_accumulator.EventAccumulator("runs/first")
reader.Reload()
events = reader.Tensors("total_loss (raw)")
values = [float(tf.make_ndarray(event.tensor_proto)) for event in events]
print("steps:", [event.step for event in events])
print("the log says the same:", np.allclose(values, losses[::2], atol=1e-5))

# %% [markdown]
# ## Steering a run
#
# To stop, to pause, to change the learning rate: all of it goes through one object, `Control`, whose methods may be
# called from any thread. The loop looks at it between two steps, so a run never stops half-way through an update.
# This is what Ctrl-C uses in a terminal, and what a dashboard's buttons call.
#
# To make it repeatable we let a second thread play the person at the buttons. It is told of each logged step by an
# observer, which waits for its reaction; a real person would just click.


# %%
import queue

steps = queue.Queue()


class Messenger(cifarlab.Observer):
    """Tells another thread of each logged step, and waits until it has reacted."""

    def on_step(self, record):
        """Called by the loop."""
        steps.put(record.step)
        steps.join()


# %%
def person(control):
    """Pauses at step 10, lowers the learning rate at step 20, stops at step 40."""
    while (step := steps.get()) < 40:
        if step == 10:
            control.pause()
            threading.Timer(0.5, control.resume).start()  # half a second later
        if step == 20:
            control.scale_learning_rate(0.1)
        steps.task_done()
    control.stop()
    steps.task_done()


# %%
control = cifarlab.Control()
config = cifarlab.TrainConfig(
    dataset=dataset.name, train_dir="runs/steered", max_steps=60, batch_size=32, log_frequency=1
)
threading.Thread(target=person, args=[control], daemon=True).start()
state = cifarlab.train(config, dataset=dataset, observers=[Messenger()], control=control)
print("updates done:", int(state.step), "of", config.max_steps)

# %% [markdown]
# The person said stop at step 40. That step was the 41st, counted from 0, and was finished and saved. What was
# steered stands in the log, because it is part of what the run is. Its `step` is the number of updates done by then,
# so what the person did at step 10 stands at 11. Resuming and stopping change nothing of the run but its time and its
# end, and have no line:

# %%
for event in run_log.read_log("runs/steered"):
    if event["event"] != "step":
        print({name: value for name, value in event.items() if name != "path"})

# %% [markdown]
# ## Checkpoints
#
# What is left of a run that ended, or crashed, or lost its power, is its folder.

# %%
for file in sorted(os.listdir("runs/first")):
    size = os.path.getsize(f"runs/first/{file}") / 1e6
    if "tfevents" not in file:  # the event file's name holds the time and the machine
        print(f"{size:4.1f} MB  {file}" if size > 1 else f"         {file}")

# %% [markdown]
# A checkpoint of step 25 is the pair `model.ckpt-25.data...`, the values, and `model.ckpt-25.index`, where in it each
# variable lies. The index is written last, and without it a checkpoint does not count: a crash in the middle of saving
# leaves the one before it in charge. The small file `checkpoint` names the latest one for other programs. `config.json`
# holds the settings, `log.jsonl` the log. (The *Saver* of TensorFlow 1 wrote the same files.)
#
# **Predict:** the network has 1,068,298 parameters of 4 bytes, 4.3 MB. Why is a checkpoint twice as large?

# %%
newest = checkpoints.latest_checkpoint("runs/first")
for name, shape in tf.train.list_variables(newest):
    if name.startswith("state/") and ("conv1/" in name or len(shape) == 0):
        print(name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"), shape)

# %% [markdown]
# <details><summary>Answer</summary>
#
# It holds the weights twice: `network`, which is trained, and `averages`, the moving averages that evaluation uses
# (lesson 5). Besides there are single numbers: the step, the averages of the losses, and the factor of the learning
# rate.
#
# </details>
#
# ## Going on
#
# To continue a run is to call `train` once more with the same folder. It finds the newest checkpoint, restores
# everything, moves to the same place in the same epoch, and goes on with the very batch that would have come next.
#
# **Predict:** the person lowered the learning rate to a tenth. Which rate will the continued run use, with a new
# `Control` that nobody touched?

# %%
state = cifarlab.train(config, dataset=dataset)
log = list(run_log.read_log("runs/steered"))
step_numbers, rates = runs.series(log, "learning_rate")
print("updates done:", int(state.step))
print("each step is in the log once:", step_numbers == list(range(60)))
print("learning rate:", ", ".join(f"{rates[step]:.2f} at step {step}" for step in (0, 21, 59)))

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.9)
runs.losses(left_ax, log, title="Can one see where it was stopped?")
runs.learning_rate(right_ax, log)
figures.show(
    figure,
    "Left: the loss over 60 steps, with marks where the run was paused and its rate changed; no trace "
    "of the stop. Right: the learning rate drops from 0.1 to 0.01 and stays there.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# 0.01: the factor is part of the state, and so of the checkpoint. `control.scale_learning_rate(1)` would bring the
# schedule's own rate back.
#
# </details>
#
# The log tells one story, and each step is in it once. The stop has left no trace, and that holds to the last bit: a
# run that is interrupted and continued ends in the same weights as one that was not. A test of cifarlab compares them
# (`tests/training/test_loop.py`). The tutorial's programs could not do this: they deleted the old folder when they
# started.
#
# ## The same by hand: a dashboard
#
# The dashboard below is a run in which you are the person at the buttons. It continues `runs/first`, which ended after
# 100 steps, up to step 2,000. Training is on a thread of its own, so the notebook stays free. Read this on the web, or
# without a kernel, and there is only its picture; run the cell in JupyterLab and it lives.

# %%
# NBVAL_IGNORE_OUTPUT
settings["max_steps"] = 2_000
config = cifarlab.TrainConfig(train_dir="runs/first", checkpoint_steps=25, **settings)
live = dashboard.Dashboard(config, dataset=dataset)
live

# %% [markdown]
# Try it:
#
# 1. **Start.** Watch the loss, then open the tab *Network*: the batch as the network sees it, the filters of `conv1`
#    as they form, the share of silent units.
# 2. **Evaluate now**, twice, some steps apart. Weights are copied between two steps and evaluated beside the run, raw
#    and averaged. Which of the two is ahead, and does it stay so? (Lesson 5 says why.)
# 3. **Pause.** Everything stands still, and the time that passes does not count. Then **Resume**.
# 4. Move **learning rate times** to 0.1, then to 10. What does the loss do?
# 5. **Stop**, and **Start** again: it goes on where it was. Without *continue from checkpoint* it would begin anew, in
#    a folder of its own.
# 6. Open the tab *Runs* and choose all of them, to lay this run over the one that was steered above.
#
# Close the page while it trains, and the run goes on as long as its kernel does; open it again, and you find it there.
# Run the cell once more, and it shows the same run, not a second one. Restarting the kernel ends the run; it
# is saved. In a program or a terminal the same object works without buttons: `live.start()`, then `live.wait()`.
#
# ## Recap
#
# - Judge a run by its averaged loss, split into its parts; and look at a batch before you trust either.
# - Distributions and sparsity say in which layer it goes wrong; console, log, recorder and TensorBoard show one run.
# - `Control` steers between two steps; a checkpoint holds everything, so a continued run is the same run. The
#   dashboard does nothing that its methods cannot.
#
# **Try next:** train with `initial_learning_rate=1.0` and look at the distributions again; or open a terminal, type
# `.venv/bin/cifarlab train --dataset drawn --train-dir runs/try`, press Ctrl-C, and type it again.
#
# **Exercise:** none of its own; the layers of [02_locally_connected](../exercises/02_locally_connected.ipynb) can be
# looked at as here.
# **Next lesson:** [05_evaluation](05_evaluation.ipynb), how good it is, and why averages help.
