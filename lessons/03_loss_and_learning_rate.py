# %% [markdown]
# # 3. Loss and learning rate: what is minimised, how fast?
#
# Training makes one number small, the *total loss*, by many small steps downhill. This lesson predicts that number
# before anything runs, takes it apart, and finds out which of its parts makes it fall at first (perhaps not the one
# that you expect). Then it looks at the other choice that decides a run: how long the steps are.
#
# **You need** lessons 1 and 2, and to know what a gradient is. **You will be able to** predict the loss at step 0 and
# at step 50, split it into cross-entropy and weight decay by layer, read a noisy loss through its moving average, draw
# learning rate schedules and say what each is for, and recognize a rate that is too high.
#
# **Time**: 25 minutes to read and try, under a minute to run on two processor cores.
#
# The tutorial's functions `loss()` and `train()` are what we take apart. Here they are `loss` and `train_step`.

# %%
import json
import math
import os
import pathlib
import tempfile

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab import errors
from cifarlab.data import pipeline
from cifarlab.plotting import figures, plots, runs
from cifarlab.training import run_log, schedule

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## Two parts
#
# The total loss is a sum. *Cross-entropy* says how badly the network predicts; *weight decay* says how large its
# weights are. (TensorFlow 1 programs put all such terms into a *collection*, a list that belongs to the graph, and
# summed up what they found there: `tf.get_collection('losses')`. Here `loss` returns them.)
#
# Cross-entropy first. The softmax turns ten logits into ten probabilities; the loss of a picture is minus the logarithm
# of the probability that its true class got, and the batch's is their mean. In numpy:


# %%
def cross_entropy(logits, labels):
    """Mean of -log(probability of the true class), for float[B, 10] and int[B]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probabilities[np.arange(len(labels)), labels].mean()


# %%
net = cifarlab.ConvNet(seed=SEED)
images, labels = next(iter(pipeline.distorted_inputs(dataset, batch_size=128, seed=SEED)))
logits = cifarlab.inference(net, images)
losses = cifarlab.loss(net, logits, labels)
mine = cross_entropy(logits.numpy(), labels.numpy())
print("ours and theirs agree:", abs(mine - float(losses.cross_entropy)) < 1e-5)

# %% [markdown]
# Subtracting the largest logit changes nothing in the result and keeps `exp` from overflowing. That is why the network
# has no softmax of its own: taken together, logarithm and softmax stay exact where, one after the other, they do not.
#
# Weight decay is 0.004 times half the sum of squares of a layer's weights, for `local3` and `local4` only. (The
# tutorial's text says that all weights decay. Its code has it on these two, and only they give the numbers below.)
#
# **Predict the loss at step 0.** The network is new: its logits are nearly zero, and the weights of the two layers were
# drawn from a normal distribution of deviation 0.04 that is cut off at two deviations. What is the cross-entropy, what
# the decay?
#
# <details><summary>Answer</summary>
#
# Equal logits mean that each class gets the probability 1/10, so the cross-entropy is ln 10 = 2.303 nats. The decay is
# 0.004 / 2 times 958,464 weights times the mean square of a weight. Cutting the tails off leaves 77 % of the variance.
# Together 4.676; the next cell computes it.
#
# </details>

# %% tags=["result"]
cut = 2 * 2 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
mean_square = 0.04**2 * (1 - cut)  # of a normal distribution that is cut off at two deviations
decay = 0.004 / 2 * (2304 * 384 + 384 * 192) * mean_square
print(f"of the variance, {1 - cut:.2%} are left")
print(f"predicted: {math.log(10):.3f} + {decay:.3f} = {math.log(10) + decay:.3f}")

# %%
print(f"measured: {losses.total:.2f} in all")
for name, value in losses.by_name().items():
    print(f"{name:20s} {value:.2f}")

# %% [markdown]
# The tutorial's console shows 4.68 at step 0, and so does ours. More than half of what is minimised has, at first,
# nothing to do with pictures. A check like this costs a minute and finds many mistakes: a loss that starts far from the
# predicted one means weights drawn too large, another number of classes than one thinks, or a sum taken for a mean.
#
# ## The first 50 steps
#
# The tutorial's published log goes 4.68, 4.66, 4.64, 4.62, 4.61, 4.59 from step 0 to step 50. It falls. Is the network
# learning?
#
# **Predict** how much of this fall weight decay would bring about alone, if the network learned nothing at all. The
# gradient of the decay is 0.004 times the weight, and the learning rate is 0.1.
#
# <details><summary>Answer</summary>
#
# Every step multiplies each weight by 1 - 0.1 x 0.004 = 0.9996, so the decay, which is quadratic, by 0.9996 squared.
# After 50 steps 2.373 has become 2.280; with an unchanged cross-entropy that is 4.583. So decay alone explains the
# whole fall: the published log shows no learning yet.
#
# </details>

# %%
steps = np.arange(101)
by_formula = math.log(10) + decay * (1 - 0.1 * 0.004) ** (2 * steps)
for _ in range(50):
    for layer in (net.local3, net.local4):
        layer.weights.assign(layer.weights * 0.9996)
shrunk = sum(float(value) for value in cifarlab.loss(net, logits, labels).weight_decay.values())
print(
    f"step 50, by formula {by_formula[50]:.3f}; shrinking real weights {math.log(10) + shrunk:.3f}"
)

# %% [markdown]
# The formula takes the expected mean square, the second number the weights that seed 0 drew. No picture was used for
# either.
#
# Now we let it run. The published log belongs to an early version of the tutorial, in which the convolutions' weights
# started 500 times as small (deviation 0.0001 and not 0.05). We train both versions, and keep the loss of every step.
# A run writes what it measures into a log; with `log_frequency=1` it does so at each step, not at each tenth. Batches
# of 64 save half of the time; weight decay does not care.


# %%
def run(net=None, batch_size=64, **settings):
    """Trains, and returns the log of the run and what went wrong, if anything did."""
    folder, complaint = tempfile.mkdtemp(), None
    settings |= {"batch_size": batch_size, "log_frequency": 1, "seed": SEED}
    config = cifarlab.TrainConfig(train_dir=folder, **settings)
    try:
        cifarlab.train(config, network=net, dataset=dataset)
    except errors.NotFiniteError as error:
        complaint = error
    return list(run_log.read_log(folder)), complaint


# %%
early = cifarlab.ConvNet(seed=SEED)
for layer in (early.conv1, early.conv2):
    layer.weights.assign(layer.weights / 500)
early_log, _ = run(early, max_steps=51)
log, _ = run(max_steps=100)

# %%
published = ([0, 10, 20, 30, 40, 50], [4.68, 4.66, 4.64, 4.62, 4.61, 4.59])
curves = {
    "today's version, here": runs.series(log, "losses", "total_loss"),
    "early version, here": runs.series(early_log, "losses", "total_loss"),
    "weight decay alone": (steps, by_formula),
}

# %%
figure, (ax,) = figures.subplots()
ax.plot(*published, "o", color="black", zorder=3, label="early version, published")
title = "Is it learning, in the first 100 steps?"
plots.lines(ax, curves, title=title, x="step", y="total loss (nats)", faint=list(curves)[:1])
figures.show(
    figure,
    "The early version, here and as published, follows the line of weight decay alone; today's "
    "version falls below it.",
)

# %%
at_50 = early_log[50]["losses"]
off = math.log(10) - at_50["cross_entropy"]
print("early version at step 50: cross-entropy within 0.05 of ln 10:", abs(off) < 0.05)
print("its total within 0.05 of weight decay alone:", abs(at_50["total_loss"] - 4.583) < 0.05)
_, entropies = runs.series(log, "losses", "cross_entropy")
print("today's version has learned something by step 100:", np.mean(entropies[-20:]) < 2.25)

# %% [markdown]
# The published points lie on the line of weight decay: nothing was learned yet. With convolutions that start from next
# to nothing, `conv2` gives nearly the same values for every picture, so there is nothing to learn from until its
# weights have grown. Today's initial values spare one this delay. A loss that falls is no proof of learning; look at
# its parts.
#
# ## The loss by its parts
#
# The log of a run has them all. On the left are our 100 steps. On the right is the recorded long run of the tutorial's
# recipe on CIFAR-10: 60,000 steps, 95 minutes on two processor cores.

# %%
names = {"cross_entropy": "cross-entropy", "local3/weight_loss": "decay of local3"}
names["local4/weight_loss"] = "decay of local4"
parts = {label: runs.series(log, "losses", name) for name, label in names.items()}
lines = pathlib.Path("../benchmarks/results/tutorial.jsonl").read_text().splitlines()
recorded = [json.loads(line) for line in lines[1:]]
thousands = [line["step"] / 1000 for line in recorded]
long_run = {label: (thousands, [r["training"][n] for r in recorded]) for n, label in names.items()}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3, sharey=True)
plots.lines(left_ax, parts, title="What falls first?", x="step", y="loss (nats)")
plots.lines(right_ax, long_run, title="And in the long run?", x="1,000 steps", y="")
figures.show(
    figure,
    "Left: the decay of local3 falls slowly and steadily, cross-entropy is noisy. Right: the decay of "
    "local3 falls to a low by step 6,000 or so and rises a little from there, cross-entropy goes on falling.",
)

# %% [markdown]
# In the long run the weights shrink for some thousand steps, and then hold a balance: what the gradient of the
# cross-entropy adds to them, decay takes away again. From there on all progress is the cross-entropy's.
#
# ## Reading a noisy loss
#
# Each step's loss is that of 64 other pictures, so it jumps. The tutorial keeps a *moving average* of each loss and
# writes both down: `average = 0.9 * average + 0.1 * loss`.
#
# **Predict:** the average starts at zero. What does it say after the first step, when the loss is 4.68, and how does
# one put that right?
#
# <details><summary>Answer</summary>
#
# 0.468, a tenth. After n steps a share of 0.9**n is still that zero; dividing by 1 - 0.9**n takes it out.
#
# </details>


# %%
def smoothed(values, decay, start=0.0):
    """The moving averages of values, and the same freed of their start."""
    averages, average = [], start
    for value in values:
        average = decay * average + (1 - decay) * value
        averages.append(average)
    held = 1 - decay ** np.arange(1, len(values) + 1)
    return np.array(averages), np.array(averages) / held


# %%
steps, totals = runs.series(log, "losses", "total_loss")
from_zero, freed = smoothed(totals, 0.9)
_, logged = runs.series(log, "averaged_losses", "total_loss")
print("ours is the run's own:", np.allclose(freed, logged, rtol=1e-4))
print(f"after one step, uncorrected: {from_zero[0]:.2f}")

# %%
curves = {"loss": totals, "decay 0.5": smoothed(totals, 0.5)[1], "decay 0.9": freed}
curves["decay 0.99"] = smoothed(totals, 0.99)[1]
curves = {name: (steps, values) for name, values in curves.items()}
start = {"freed of its start": (steps, freed), "from zero": (steps, from_zero)}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
title = "How much to smooth?"
plots.lines(left_ax, curves, title=title, x="step", y="total loss (nats)", faint=["loss"])
plots.lines(
    right_ax, start, title="What does starting at zero do?", x="step", y="average, decay 0.9"
)
figures.show(
    figure,
    "Left: a jumping loss and three averages, the smoother the higher the decay. Right: the average "
    "that starts from zero climbs for 40 steps before it is of use.",
)

# %% [markdown]
# A decay of 0.9 remembers about ten steps, the tutorial's choice. 0.5 still jumps; 0.99 remembers a hundred, so it is
# smooth and late. Smoothing trades noise for delay. Which one is right depends on the question: for "does it learn at
# all?" a tenth of the console's lines is enough; for "has it stopped learning?" one has to look at thousands of steps.
# Note what smoothing cannot do: it shows the training batches' loss more clearly, and still says nothing about pictures
# that were never trained on. That is lesson 5.
#
# ## The staircase
#
# How far does a step go? As far as the gradient says, times the *learning rate*. The tutorial's is 0.1, and a tenth of
# that after each 350 epochs: a *staircase*. 350 epochs of 50,000 pictures in batches of 128 are how many steps?
# (TensorFlow 1 counted steps in a variable of the graph, the `global_step`, which one had to hand to the schedule and
# to the optimizer. Here it is `state.step`, and a schedule is any function of it.)

# %%
decay_steps = schedule.decay_steps(num_examples=50_000, batch_size=128, epochs_per_decay=350)
print(f"first decay at step {decay_steps:,}, after {decay_steps * 128:,} pictures")

# %%
steps = np.arange(0, 500_000, 500)
rates = schedule.learning_rate(steps).numpy()
left, right = {"rate": (steps / 1000, rates)}, {"rate": (steps * 128 / 1e6, rates)}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
left_ax.axvspan(60, 100, color="#F3D9A4", label="published results")
right_ax.axvspan(60 * 0.128, 100 * 0.128, color="#F3D9A4")
plots.lines(left_ax, left, title="When does the rate fall?", x="1,000 steps", y="learning rate")
plots.lines(right_ax, right, title="The same, logarithmic", x="million pictures", y="")
left_ax.legend(frameon=False, fontsize=9)
right_ax.set_yscale("log")
figures.show(
    figure,
    "Steps down to a tenth at 136,718, 273,436 and 410,154 steps, on a logarithmic axis all equally "
    "high. The published results, a band from 60,000 to 100,000 steps, lie before the first.",
)

# %% [markdown]
# On the linear axis the rate seems to be gone after the first stair; the logarithmic one shows that each stair
# divides by ten again. Counted in pictures, the first comes after 17.5 million: each of 50,000 was seen 350 times by
# then.
#
# The published results, about 86 % after 60,000 or 100,000 steps, end before the first stair. So all that is
# published of the tutorial's recipe was reached with a constant rate of 0.1, and with averaged weights (lesson 5) in
# the place of a falling rate. Note that the schedule is given in training steps. If you double the batch and leave
# the 136,718 as it is, twice as many pictures lie between two stairs; so cifarlab takes the 350 epochs, and computes
# the steps from your batch size and data set.
#
# ## Other schedules
#
# A schedule is a function of the step. Here are three others: one that is widely used today, one that is as old as the
# method, and one that begins by going up, which keeps a network with momentum from diverging while it is new.


# %%
def cosine(step, last, initial=0.1):
    """Down along half a wave, slow at both ends."""
    return initial * (1 + np.cos(np.pi * step / last)) / 2


# %%
def inverse_time(step, last, initial=0.1):
    """Robbins and Monro's: the sum of all rates has no bound, that of their squares has one."""
    return initial / (1 + 20 * step / last)


# %%
def one_cycle(step, last, initial=0.1):
    """Up in a line and down in one; this one cifarlab has: `schedule="one-cycle"`."""
    return schedule.one_cycle(step, max_steps=last, peak=initial).numpy()


# %%
LAST = 2000
steps = np.arange(LAST)
schedules = {
    "constant": np.full(LAST, 0.1),
    "staircase": schedule.learning_rate(steps, decay_steps=700).numpy(),
    "cosine": cosine(steps, LAST),
    "inverse time": inverse_time(steps, LAST),
    "one cycle": one_cycle(steps, LAST),
}

# %% [markdown]
# To see what a schedule does, a run has to come to its end, and 2,000 steps of our network take minutes. So we take a
# problem that is as simple as can be and has what matters: a bowl, `loss = w**2 / 2`, whose gradient `w` we only get to
# see with noise, as each batch shows the gradient with noise. We start at w = 3 and roll down 1,000 such bowls at once.
#
# **Predict:** which schedule has the lowest loss after 100 steps, and which the highest at the end?
#
# <details><summary>Answer</summary>
#
# After 100 steps inverse time: like the other three that begin at 0.1 it is down by then, and its rate has already
# halved, so that the noise throws it about less. One cycle, which begins at zero, is still on its way. At the end the
# constant rate, never having slowed down, is the highest.
#
# </details>


# %%
def roll_down(rates, bowls=1000):
    """The mean loss of noisy gradient descent at each step."""
    noise = np.random.default_rng(SEED).normal(size=[len(rates), bowls])
    losses, w = [], np.full(bowls, 3.0)
    for rate, deviation in zip(rates, noise, strict=True):
        losses.append(np.mean(w**2) / 2)
        w = w - rate * (w + deviation)
    return losses


# %%
rates = {name: (steps, values) for name, values in schedules.items()}
ends = {name: (steps, roll_down(values)) for name, values in schedules.items()}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3.2)
plots.lines(left_ax, rates, title="Which schedules are there?", x="step", y="learning rate")
plots.lines(right_ax, ends, title="Where does each come to rest?", x="step", y="mean loss")
right_ax.set_yscale("log")
left_ax.get_legend().remove()
figures.show(
    figure,
    "Left five schedules, constant, staircase, cosine, inverse time and one cycle. Right their losses: "
    "the constant rate stays on a high level; the others come lower as their rates fall.",
)

# %%
last = {name: values[-1] for name, (_, values) in ends.items()}
print("lowest at the end:", min(last, key=last.get), "- highest:", max(last, key=last.get))

# %% [markdown]
# A constant rate goes down fast and then does not get any lower: the noise throws it about, the farther the longer the
# steps. Only shorter steps come to rest. Averaging the weights over many steps does something alike, and that is what
# the tutorial does (lesson 5). A network is not one bowl, and a high rate also helps to get out of a bad place; so the
# order of these curves is no verdict on the schedules.
#
# ## Too high a rate
#
# **Predict** what happens with rates of 0.01, 0.1, 1 and 10,000, in 30 steps.
#
# <details><summary>Answer</summary>
#
# 0.01 goes down slowly, 0.1 faster. 1 overshoots: the loss becomes larger than it ever was, and does not come back.
# 10,000 gives infinite numbers within a few steps; cifarlab notices, stops, and says so.
#
# </details>

# %%
tried = {}
for rate in (0.01, 0.1, 1.0, 10_000.0):
    tried[rate], complaint = run(batch_size=32, max_steps=30, initial_learning_rate=rate)
    print(f"rate {rate:,g}:", str(complaint).rpartition(". ")[2] if complaint else "ran to its end")

# %% [markdown]
# `train` raises `NotFiniteError`, which `run` above has caught. Before, it took the steps since the last checkpoint
# once more: its message also names the step, the layer in which the numbers went wrong, a file with the step's batch,
# and the last good checkpoint, so that one can go on from there. (`--initial-learning-rate` is what the command line
# calls it; in a notebook it is `initial_learning_rate`.)

# The figure has two halves, since the losses of the low and of the high rates do not fit on one axis.

# %%
curves = {}
for rate, events in tried.items():
    values = runs.series(events, "losses", "total_loss")[1]
    curves[f"rate {rate:,g}"] = range(30), values + [math.nan] * (30 - len(values))
low, high = dict(list(curves.items())[:2]), dict(list(curves.items())[2:])

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
plots.lines(left_ax, low, title="Which is faster?", x="step", y="total loss (nats)")
plots.lines(right_ax, high, title="Which is too high?", x="step", y="")
right_ax.set_yscale("log")
right_ax.set_ylim(1, 1e9)
figures.show(
    figure,
    "Left: rates of 0.01 and 0.1, the second falls faster. Right, logarithmic: with a rate of 1 the "
    "loss jumps up by orders of magnitude and stays there; with 10,000 it leaves the picture at once.",
)

# %%
_, totals = runs.series(tried[1.0], "losses", "total_loss")
_, entropies = runs.series(tried[1.0], "losses", "cross_entropy")
print("rate 1: total loss above 100:", totals[-1] > 100)
print("rate 1: no better than guessing:", np.mean(entropies[-5:]) > 2.2)

# %% [markdown]
# The rate of 1 is the more treacherous one: nothing is infinite, no error is raised, and after its jump the total
# loss even falls from step to step, though not back to where it began. But a few overlong steps have thrown the
# weights so far that the units are zero for every picture. ReLU gives such units no gradient, so they stay dead:
# cross-entropy is that of guessing, and all that falls is weight decay. Again it is the parts of the loss that tell.
# (Between a rate that is just too high and one that is far too high, chance decides: with another seed, a rate of 1
# may become infinite, too.)
#
# ## Recap
#
# - The total loss is cross-entropy plus weight decay; at step 0 it is 4.676, and more than half of that is decay.
# - The published log's fall from 4.68 to 4.59 is weight decay alone. Look at the parts, and at averages of them.
# - The rate is 0.1 in all published runs: the first stair comes at step 136,718. Shorter steps at the end,
#   or averages, are what takes the noise out.
#
# **Try next:** train with `schedule="one-cycle"` and `max_steps=200` in `run`; or give `early` a deviation between the
# two versions' and see how long the delay is.
#
# **Exercise:** [01_softmax](../exercises/01_softmax.ipynb). **Next lesson:** [04_training](04_training.ipynb), is it
# learning?
