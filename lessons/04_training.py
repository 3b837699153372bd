# %% [markdown]
# # 4. Training: is it learning?
#
# A training run takes minutes, hours or days, and most of what can go wrong does not stop it. The loss falls a little,
# the console keeps printing, and the network learns nothing worth having. This lesson is about watching a run. You will
# train, inspect the run in four different ways, steer it while it is running, stop it, and resume it where it stopped.
#
# **You need** lesson 3's loss and learning rate. **You will be able to** say what each number on the console means,
# check that the network gets the right images, read distributions of weights, gradients and activations, find the same
# run in TensorBoard, pause, stop and steer a run from another thread, and resume one from its checkpoint.
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
os.chdir(tempfile.mkdtemp())  # runs are written to the current folder
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed 0")

# %% [markdown]
# ## Four ways to watch a run
#
# `cifarlab.train` prints nothing and knows nothing about consoles or plots. To see what is happening, you pass
# *observers*: objects that the training loop calls to report what it has done. Observers watch and never change the
# run, so a run ends with the same weights whether or not it is observed. We pass three:
#
# - `Console` prints the tutorial's lines.
# - `Summaries` writes TensorBoard's event files.
# - `DistributionRecorder` keeps distributions in memory, for the figures in this notebook.
#
# The fourth way needs no observer: each run writes a log to its folder, with one line of JSON per event.
#
# (In TensorFlow 1, a *session* ran pieces of a graph and held the variables. The tutorial's later version attached
# *hooks* to a `MonitoredTrainingSession`, and the hooks printed, wrote summaries and saved checkpoints. Here the loop
# is a Python loop around one compiled function, and observers do what hooks did.)
#
# TensorBoard takes some seconds to start, so we start it now, as a separate process, and continue without waiting. It
# will watch the folder `runs`, which is still empty.

# %%
board = tensorboard.TensorBoard("runs")

# %% [markdown]
# The run below is short: 100 steps with batches of 32 instead of the tutorial's 128. It saves a checkpoint every 25
# steps instead of every 1,000, and we inspect it more often. Otherwise it follows the tutorial's recipe.
#
# **Predict:** the first line reports the speed of step 0. Will it be faster or slower than the lines after it?
#
# <details><summary>Answer</summary>
#
# Much slower. Step 0 waits for the shuffle queue to fill, and for TensorFlow to trace and compile the step. The
# tutorial's log shows the same: 2.0 examples/sec at step 0.
#
# </details>

# %%
# NBVAL_IGNORE_OUTPUT
settings = {"dataset": dataset.name, "max_steps": 100, "batch_size": 32, "log_frequency": 5}
config = cifarlab.TrainConfig(train_dir="runs/first", checkpoint_steps=25, **settings)
seen = distributions.DistributionRecorder(every=10)
observers = [console.Console(), summaries.Summaries(10), seen]
state = cifarlab.train(config, dataset=dataset, observers=observers)

# %% [markdown]
# The lines have the tutorial's format. First comes the time, then the step, counted from 0. Next is the total loss on
# *that step's batch alone*: each step sees a different 32 images, so the loss jumps around. Last are the number of
# images trained on per second since the previous line, and the number of seconds per batch. The two speeds say the same
# thing: images per second is the batch size divided by the seconds per batch. (The line at the top announces the pause
# that took "a few minutes" in the tutorial.)
#
# ## The loss, from the run's log
#
# The log holds the same numbers and more, and outlives the notebook.

# %%
log = list(run_log.read_log("runs/first"))
losses = runs.series(log, "losses", "total_loss")[1]
print("events:", ", ".join(sorted({event["event"] for event in log})))
print(f"loss at step 0: {losses[0]:.1f}; falls by more than 0.2: {min(losses) < losses[0] - 0.2}")

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.9)
runs.losses(left_ax, log)
runs.speed(right_ax, log)
figures.show(
    figure,
    "Left: the loss of single batches (jagged) and its moving average (smooth), both falling from 4.7. "
    "Right: images per second between two logged steps.",
)

# %% [markdown]
# The pale line is what the console prints. The strong line is its moving average with decay 0.9, a memory of about ten
# steps, and this is the one to judge by. It falls, so something is being learned. The speed goes up and down because
# watching costs time: at every tenth step the summaries and the recorder ask for a second pass through the network.
# Most of that work happens after the step's line has been printed, so it is the next line (step 5, 15 and so on) that
# is slow.
#
# But part of the drop in the loss is due to weight decay alone, which shrinks the weights no matter what the images
# show (lesson 3). The part that depends on the images is the cross-entropy. For a network that only guesses among ten
# classes, it is ln 10 = 2.30.

# %%
names = {"cross-entropy": "cross_entropy", "decay of local3": "local3/weight_loss"}
curves = {name: runs.series(log, "averaged_losses", key) for name, key in names.items()}
figure, (ax,) = figures.subplots(height=2.9)
plots.lines(ax, curves, title="Which part of the loss falls?", x="step", y="averaged loss (nats)")
ax.axhline(np.log(10), color=figures.MUTED_COLOR, linestyle="--", label="guessing: ln 10")
ax.legend(frameon=False, fontsize=9)
figures.show(
    figure, "Cross-entropy drops below the line for guessing; local3's weight decay falls slowly."
)

# %% tags=["result"]
cross_entropy = curves["cross-entropy"][1]
print(f"guessing: {np.log(10):.2f}; below it by step 95: {cross_entropy[-1] < np.log(10) - 0.05}")

# %% [markdown]
# ## Is the model given appropriate images?
#
# The tutorial asks this about its image summary, and for good reason. Labels shifted by one record, color planes read
# in the wrong order, images standardized twice: none of these raises an error, and with most of them the loss still
# falls. So look at the batch *as the network got it*, not at the files. The recorder kept the last batch that it
# recorded. (Gray levels are stretched to make them visible, as in lesson 1.)

# %%
images, labels = image_grids.rescale_to_255(seen.images), seen.labels
present = np.unique(labels)
rows = {dataset.classes[label]: images[labels == label][:10] for label in present}
figure, (ax,) = figures.subplots(height=0.25 + 0.48 * len(rows))
image_grids.image_grid(ax, rows)
title = "One batch of 32 as the network got it, one row per class: crops with odd contrasts."
figures.show(figure, title)

# %% [markdown]
# Ask three questions about such a grid. Can you tell what is in the images? Do they match the names on their left? Do
# they vary as they should: mirrored, shifted, with altered contrast? Two more questions are answered by numbers: is
# each image standardized, and does each class appear, about equally often?

# %%
print("mean 0 and deviation 1:", bool(np.abs(seen.images.mean((1, 2, 3))).max() < 1e-4),
      bool(np.abs(seen.images.std((1, 2, 3)) - 1).max() < 1e-2))  # fmt: skip
print("classes in the batch:", len(present), "of", dataset.num_classes)

# %% [markdown]
# This is what the same images look like with the most common mistake, planes read as interleaved colors (lesson 1).
# Shapes, types, means and deviations are exactly as before.
#
# **Predict:** would you see it in the loss?
#
# <details><summary>Answer</summary>
#
# Hardly. The network would learn from the stripes, since the same wrong order applies to every image. It would only
# learn more slowly and less well, because neighboring pixels are no longer neighbors. You would blame the learning
# rate. Looking at the batch takes a minute.
#
# </details>

# %%
wrong = images[:12].transpose(0, 3, 1, 2).reshape(-1, 24, 24, 3)
figure, (ax,) = figures.subplots(height=1.5)
image_grids.image_grid(ax, {"right": images[:12], "wrong": wrong})
figures.show(
    figure, "Above, twelve images of the batch; below, each as nine small gray copies in stripes."
)

# %% [markdown]
# ## Distributions over the steps
#
# One number per step tells you whether the loss falls. To see where training goes wrong, and in which layer, look at
# how weights, gradients and activations are distributed. Each panel below is one layer. The black line is the median;
# the bands hold the middle 38, 68, 87 and 100 % of the values, as in TensorBoard's *Distributions* tab.

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.weights, y="weights")
figures.show(
    figure,
    "Weights of five layers: wide bands that hardly change, except that softmax_linear's widen.",
)

# %% [markdown]
# Weights change slowly. In 100 steps most of them stay close to their initial values, and what the network has learned
# so far is spread over small changes in many weights. Only `softmax_linear` started with tiny weights (standard
# deviation 1/192), and its distribution visibly widens.

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.gradients, y="gradients")
figures.show(
    figure,
    "Gradients of five layers: narrow in the first steps except softmax_linear's, wider once learning starts.",
)

# %% [markdown]
# **Why are the gradients of the lower layers so small at first?** Before you open the answer, think about what a
# gradient passes through on its way down.
#
# <details><summary>Answer</summary>
#
# It is multiplied by the weights of `softmax_linear`, and these are tiny in the beginning. As they grow, more of the
# error gets through, and the layers below begin to learn. That is one reason why the loss falls slowly at first.
#
# </details>

# %%
spread = {name: np.ptp(np.array(rows)[:, 1:8], axis=1) for name, rows in seen.gradients.items()}
grown = {name: max(values) / values[0] for name, values in spread.items()}
print("gradients of conv1 become more than twice as wide:", bool(grown["conv1"] > 2))
print("every layer has gradients:", all(values.min() > 0 for values in spread.values()))

# %% [markdown]
# What to look for here: gradients that are zero in some layer (it is disconnected, or its ReLUs are all dead), or
# gradients that grow by powers of ten (the learning rate is too high; the next sign is a loss that is not a number, and
# there cifarlab stops).

# %%
figure, axes = figures.subplots(1, 5, height=2.3)
distributions.percentile_bands(axes, seen.steps, seen.activations, y="activations")
figures.show(
    figure, "Activations of five layers: at or above zero, except for the logits, which spread."
)

# %% [markdown]
# ReLUs never output anything below zero, so the medians of the first four panels are at or near zero. The last panel
# shows the logits. They start out almost equal (the network has no opinion), and spread as it forms one.
#
# ## How many units are silent?
#
# *Sparsity* is the share of activations that are exactly zero. The tutorial logs it for each layer. `local3` is the
# layer to watch: it holds 83 % of all parameters, and each silent unit leaves its share of them unused.
#
# **Predict:** at step 0, about what share of `local3`'s units is silent? It has random weights, and biases of 0.1.
#
# <details><summary>Answer</summary>
#
# With random weights, the sums are positive as often as negative, which gives one half. The bias of 0.1 shifts them all
# slightly toward the positive side, so a little less than half of the units are silent.
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
print("local3: 40 to 50 % are silent at step 0:", 0.4 < local3[0] < 0.5)
print("local3 is sparser at the end:", local3[-1] > local3[0])

# %% [markdown]
# It rises a little as units begin to specialize: a unit that responds to fewer images is silent on more of them. A slow
# rise is healthy. A layer that jumps to 1 is dead: no gradient passes through a silent ReLU, so it cannot come back.
#
# ## The same run in TensorBoard
#
# To open TensorBoard on this run yourself, run two lines in this notebook: `%load_ext tensorboard`, then `%tensorboard
# --logdir runs`. In a terminal, in cifarlab's folder, the command is `.venv/bin/tensorboard --logdir FOLDER`, where
# FOLDER is what `os.path.abspath("runs")` returns here. Meanwhile, the process that we started above has had time to
# find our run. We ask it for the same data that its web page would request.

# %%
print("reachable from this machine only:", board.address.startswith("http://127.0.0.1:"))
points = board.scalars("first", "local3/sparsity", until=90)
print("steps in TensorBoard:", [step for step, value in points])
print("same values as recorded here:", np.allclose([value for step, value in points], local3))

# %%
board.scalars("first", "softmax_linear/sparsity", until=90)  # a step writes this one last
scalars = board.ask("data/plugin/scalars/tags")["first"]
print("\n".join(sorted(scalars)))

# %% [markdown]
# These are the tutorial's names, except for `queue/...` and `examples_per_second`, which are ours. `total_loss (raw)`
# is the loss of one batch, `total_loss` its moving average, and `conv1/sparsity` is what we just plotted. The *Graphs*
# tab has the training graph, *Images* has three images from each batch that was summarized, and *Distributions* and
# *Histograms* show what you saw above. (A *summary* in TensorFlow 1 was an operation in the graph. You had to run it
# and pass its result to a writer. Today it is a function that writes.)
#
# The process has done its job, and we can stop it:

# %%
board.stop()

# %% [markdown]
# The event files remain. Their format is open: TensorBoard's own reader returns the values, and they match those in the
# log.

# %%
from tensorboard.backend.event_processing import event_accumulator

reader = event_accumulator.EventAccumulator("runs/first")
reader.Reload()
events = reader.Tensors("total_loss (raw)")
values = [float(tf.make_ndarray(event.tensor_proto)) for event in events]
print("steps:", [event.step for event in events])
print("same values as in the log:", np.allclose(values, losses[::2], atol=1e-5))

# %% [markdown]
# ## Steering a run
#
# Stopping, pausing, changing the learning rate: all of this goes through one object, `Control`, whose methods may be
# called from any thread. The loop checks it between two steps, so a run never stops halfway through an update. Ctrl-C
# in a terminal uses it, and so do the buttons of a dashboard.
#
# To make the example repeatable, we let a second thread play the person at the buttons. An observer reports each logged
# step to that thread and waits for its reaction. A real person would just click.


# %%
import queue

steps = queue.Queue()


class Messenger(cifarlab.Observer):
    """Reports each logged step to another thread, and waits until it has reacted."""

    def on_step(self, record):
        """Is called by the training loop."""
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
    dataset=dataset.name, train_dir="runs/steered", max_steps=60, batch_size=16, log_frequency=1
)
threading.Thread(target=person, args=[control], daemon=True).start()
state = cifarlab.train(config, dataset=dataset, observers=[Messenger()], control=control)
print("updates done:", int(state.step), "of", config.max_steps)

# %% [markdown]
# The person pressed stop at step 40. That step was the 41st, counted from 0, and it was finished and saved. The log
# records the other actions, because they are part of what the run is. The `step` of an event is the number of updates
# done so far, so what the person did at step 10 is recorded at 11. Resuming and stopping change nothing about the run
# except its duration and its end, so they are not recorded:

# %%
for event in run_log.read_log("runs/steered"):
    if event["event"] != "step":
        print({name: value for name, value in event.items() if name != "path"})

# %% [markdown]
# ## Checkpoints
#
# When a run has finished, crashed, or lost power, what remains is its folder.

# %%
for file in sorted(os.listdir("runs/first")):
    size = os.path.getsize(f"runs/first/{file}") / 1e6
    if "tfevents" not in file:  # the event file's name holds the time and the machine
        print(f"{size:4.1f} MB  {file}" if size > 1 else f"         {file}")

# %% [markdown]
# A checkpoint of step 25 is a pair of files: `model.ckpt-25.data...` holds the values, and `model.ckpt-25.index` says
# where in it each variable is. The index is written last, and a checkpoint without it does not count. So if saving
# crashes halfway, the previous checkpoint stays the current one. The small file `checkpoint` names the latest one for
# other programs. `config.json` holds the settings, `log.jsonl` the log. (The *Saver* of TensorFlow 1 wrote the same
# files.)
#
# **Predict:** the network has 1,068,298 parameters of 4 bytes each, 4.3 MB. Why is a checkpoint twice as large?

# %%
newest = checkpoints.latest_checkpoint("runs/first")
for name, shape in tf.train.list_variables(newest):
    if name.startswith("state/") and ("conv1/" in name or len(shape) == 0):
        print(name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"), shape)

# %% [markdown]
# <details><summary>Answer</summary>
#
# It holds the weights twice: `network`, which is trained, and `averages`, the moving averages that evaluation uses
# (lesson 5). In addition there are a few single numbers: the step, the averages of the losses, and the learning rate
# factor.
#
# </details>
#
# ## Resuming a run
#
# To resume a run, call `train` again with the same folder. It finds the latest checkpoint, restores everything, moves
# to the same position in the same epoch, and continues with exactly the batch that would have come next.
#
# **Predict:** the person lowered the learning rate to a tenth. Which rate will the resumed run use, with a new
# `Control` that nobody has touched?

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
# 0.01. The factor is part of the state, and therefore of the checkpoint. `control.scale_learning_rate(1)` would restore
# the schedule's own rate.
#
# </details>
#
# The log reads as one continuous run, with each step in it once. The stop left no trace, and this holds down to the
# last bit: a run that is interrupted and resumed ends with the same weights as an uninterrupted one. A test in cifarlab
# compares them (`tests/training/test_loop.py`). The tutorial's programs could not do this: they deleted the old folder
# when they started.
#
# ## The same by hand: a dashboard
#
# The dashboard below is a run in which you are the person at the buttons. It resumes `runs/first`, which ended after
# 100 steps, and continues up to step 2,000. Training runs on a separate thread, so the notebook stays free. If you read
# this on the web, or without a kernel, you only see a static image of the dashboard. Run the cell in JupyterLab to get
# the live one.

# %%
# NBVAL_IGNORE_OUTPUT
settings["max_steps"] = 2_000
config = cifarlab.TrainConfig(train_dir="runs/first", checkpoint_steps=25, **settings)
live = dashboard.Dashboard(config, dataset=dataset)
live

# %% [markdown]
# Try it:
#
# 1. **Start.** Watch the loss, then open the *Network* tab: it shows the batch as the network sees it, the filters of
#    `conv1` as they form, and the share of silent units.
# 2. **Evaluate now**, twice, some steps apart. The weights are copied between two steps and evaluated while the run
#    continues, both raw and averaged. Which of the two is ahead, and does it stay ahead? (Lesson 5 explains why.)
# 3. **Pause.** Everything stops, and the time that passes does not count. Then **Resume**.
# 4. Move **learning rate times** to 0.1, then to 10. What does the loss do?
# 5. **Stop**, then **Start** again: it resumes where it stopped. If you uncheck *continue from checkpoint*, it starts
#    from scratch in a new folder.
# 6. Open the *Runs* tab and select all runs, to compare this run with the one that was steered above.
#
# If you close the page while it trains, the run continues as long as its kernel does, and when you open the page again,
# you find it there. If you run the cell again, it shows the same run, not a second one. Restarting the kernel ends the
# run, but its progress is saved. In a script or a terminal the same object works without buttons: `live.start()`, then
# `live.wait()`.
#
# ## Recap
#
# - Judge a run by its averaged loss, split into its parts. And look at a batch before you trust either.
# - Distributions and sparsity tell you in which layer things go wrong. Console, log, recorder and TensorBoard all show
#   the same run.
# - `Control` steers a run between two steps. A checkpoint holds everything, so a resumed run is the same run. The
#   dashboard does nothing that you cannot do by calling its methods.
#
# **Try next:** train with `initial_learning_rate=1.0` and look at the distributions again. Or open a terminal, type
# `.venv/bin/cifarlab train --dataset drawn --train-dir runs/try`, press Ctrl-C, and run the same command again.
#
# **Exercise:** this lesson has none, but you can inspect the layers of
# [02_locally_connected](../exercises/02_locally_connected.ipynb) in the same way. **Next lesson:**
# [05_evaluation](05_evaluation.ipynb), how good it is, and why averages help.
