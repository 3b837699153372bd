# %% [markdown]
# # 3. Loss and learning rate: what is minimized, how fast?
#
# Training makes one number small, the *total loss*, in many small steps downhill. This lesson predicts that number
# before anything runs, takes it apart, and finds out which of its parts makes it fall at first (perhaps not the one
# that you expect). Then it looks at the other choice that decides how a run goes: how large the steps are.
#
# **You need** lessons 1 and 2, and to know what a gradient is. **You will be able to** predict the loss at step 0 and
# at step 50, split it into cross-entropy and weight decay by layer, read a noisy loss through its moving average, plot
# learning rate schedules and say what each is for, and recognize a rate that is too high.
#
# **Time**: 25 minutes to read and try, under a minute to run on two processor cores.
#
# We will take apart the tutorial's functions `loss()` and `train()`. Here they are `loss` and `train_step`.

# %%
import math
import os
import tempfile

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab import errors
from cifarlab.data import pipeline
from cifarlab.demos import recorded_runs
from cifarlab.plotting import figures, plots, runs
from cifarlab.training import run_log, schedule

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## Two parts
#
# The total loss is a sum. *Cross-entropy* says how badly the network predicts; *weight decay* says how large its
# weights are. (TensorFlow 1 programs put all such terms into a *collection*, a list that belongs to the graph, and
# added up what they found there: `tf.get_collection('losses')`. Here `loss` returns them.)
#
# Cross-entropy first. The softmax turns ten logits into ten probabilities. The loss of an image is minus the logarithm
# of the probability assigned to its true class, and the loss of a batch is the mean over its images. In numpy:


# %%
def cross_entropy(logits, labels):
    """Returns the mean of -log(probability of the true class), for float[B, 10] and int[B]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probabilities[np.arange(len(labels)), labels].mean()


# %%
net = cifarlab.ConvNet(seed=SEED)
images, labels = next(iter(pipeline.distorted_inputs(dataset, batch_size=128, seed=SEED)))
logits = cifarlab.inference(net, images)
losses = cifarlab.loss(net, logits, labels)
mine = cross_entropy(logits.numpy(), labels.numpy())
print("our function and cifarlab.loss agree:", abs(mine - float(losses.cross_entropy)) < 1e-5)

# %% [markdown]
# Subtracting the largest logit does not change the result, and keeps `exp` from overflowing. This is also why the
# network does not include a softmax: computed together, softmax and logarithm stay accurate where they would not if
# computed one after the other.
#
# Weight decay is 0.004 times half the sum of squares of a layer's weights, for `local3` and `local4` only. (The
# tutorial's text says that all weights decay. Its code applies decay to these two layers, and only that gives the
# numbers below.)
#
# **Predict the loss at step 0.** The network is new, so its logits are nearly zero. The weights of the two layers were
# drawn from a normal distribution with standard deviation 0.04, truncated at two standard deviations. What is the
# cross-entropy, and what is the decay?
#
# <details><summary>Answer</summary>
#
# Equal logits mean that each class gets the probability 1/10, so the cross-entropy is ln 10 = 2.303 nats. The decay is
# 0.004 / 2 times 958,464 weights times the mean square of a weight. Truncating the tails leaves 77 % of the variance.
# The total is 4.676, which the next cell computes.
#
# </details>

# %% tags=["result"]
cut = 2 * 2 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
mean_square = 0.04**2 * (1 - cut)  # of a truncated normal distribution
decay = 0.004 / 2 * (2304 * 384 + 384 * 192) * mean_square
print(f"variance left after truncation: {1 - cut:.2%}")
print(f"predicted: {math.log(10):.3f} + {decay:.3f} = {math.log(10) + decay:.3f}")

# %%
print(f"measured: {losses.total:.2f} in total")
for name, value in losses.by_name().items():
    print(f"{name:20s} {value:.2f}")

# %% [markdown]
# The tutorial's console shows 4.68 at step 0, and so does ours. At first, more than half of what is minimized has
# nothing to do with images. A check like this takes a minute and finds many mistakes. If the loss does not start at the
# predicted value, the initial weights may be too large, the number of classes may be wrong, or a sum may have been used
# in place of a mean.
#
# ## The first 50 steps
#
# The tutorial's published log goes 4.68, 4.66, 4.64, 4.62, 4.61, 4.59 from step 0 to step 50. It falls. Is the network
# learning?
#
# **Predict** how much of this drop weight decay would cause on its own, if the network learned nothing at all. The
# gradient of the decay is 0.004 times the weight, and the learning rate is 0.1.
#
# <details><summary>Answer</summary>
#
# Every step multiplies each weight by 1 - 0.1 x 0.004 = 0.9996. The decay is quadratic, so it is multiplied by 0.9996
# squared. After 50 steps, 2.373 has become 2.280, which with an unchanged cross-entropy gives a total of 4.583. So
# decay alone explains the whole drop: the published log shows no learning yet.
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
    f"step 50: by formula {by_formula[50]:.3f}, with shrunken real weights {math.log(10) + shrunk:.3f}"
)

# %% [markdown]
# The formula uses the expected mean square, the second number the weights that were drawn with seed 0. Neither of them
# used a single image.
#
# Now let us train. The published log belongs to an early version of the tutorial, in which the weights of the
# convolutions started 500 times as small (standard deviation 0.0001 instead of 0.05). We train both versions, and keep
# the loss of every step. A run writes its measurements to a log, and with `log_frequency=1` it does so at every step
# instead of every tenth. Batches of 32 take a quarter of the time, and make no difference to weight decay.


# %%
def run(net=None, batch_size=32, **settings):
    """Trains, and returns the log of the run, and the error if there was one."""
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
    "The early version, here and as published, follows the line for weight decay alone; today's "
    "version falls below it.",
)

# %%
at_50 = early_log[50]["losses"]
off = math.log(10) - at_50["cross_entropy"]
print("early version at step 50: cross-entropy within 0.05 of ln 10:", abs(off) < 0.05)
print("its total loss within 0.05 of weight decay alone:", abs(at_50["total_loss"] - 4.583) < 0.05)
_, entropies = runs.series(log, "losses", "cross_entropy")
print("today's version has learned something by step 100:", np.mean(entropies[-20:]) < 2.25)

# %% [markdown]
# The published points lie on the line of weight decay: nothing had been learned yet. When the convolutions start from
# almost nothing, `conv2` produces nearly the same values for every image, so there is nothing to learn from until its
# weights have grown. Today's initial values avoid this delay. A falling loss does not prove that the network is
# learning. Look at the parts of the loss.
#
# ## The loss by its parts
#
# The log of a run has all the parts. On the left are our 100 steps. On the right is the recorded long run of the
# tutorial's recipe on CIFAR-10: 60,000 steps, 95 minutes on two processor cores.

# %%
names = {"cross_entropy": "cross-entropy", "local3/weight_loss": "decay of local3"}
names["local4/weight_loss"] = "decay of local4"
parts = {label: runs.series(log, "losses", name) for name, label in names.items()}
_, recorded = recorded_runs.tutorial()
thousands = [line["step"] / 1000 for line in recorded]
long_run = {label: (thousands, [r["training"][n] for r in recorded]) for n, label in names.items()}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3, sharey=True)
plots.lines(left_ax, parts, title="What falls first?", x="step", y="loss (nats)")
plots.lines(right_ax, long_run, title="And in the long run?", x="1,000 steps", y="")
figures.show(
    figure,
    "Left: the decay of local3 falls slowly and steadily, cross-entropy is noisy. Right: the decay of "
    "local3 falls to a minimum around step 6,000 and then rises a little; cross-entropy keeps falling.",
)

# %% [markdown]
# In the long run the weights shrink for several thousand steps, and then reach an equilibrium: what the gradient of the
# cross-entropy adds to them, decay takes away again. From then on, all progress is in the cross-entropy.
#
# ## Reading a noisy loss
#
# Each step sees a different 32 images, so the loss jumps around. The tutorial keeps a *moving average* of each loss and
# logs both: `average = 0.9 * average + 0.1 * loss`.
#
# **Predict:** the average starts at zero. What is it after the first step, when the loss is 4.68, and how can you
# correct it?
#
# <details><summary>Answer</summary>
#
# It is 0.468, one tenth. After n steps, the initial zero still has the weight 0.9**n. Dividing by 1 - 0.9**n corrects
# for it.
#
# </details>


# %%
def smoothed(values, decay, start=0.0):
    """Returns the moving averages of values, and the same corrected for their start at zero."""
    averages, average = [], start
    for value in values:
        average = decay * average + (1 - decay) * value
        averages.append(average)
    weight_of_values = 1 - decay ** np.arange(1, len(values) + 1)
    return np.array(averages), np.array(averages) / weight_of_values


# %%
steps, totals = runs.series(log, "losses", "total_loss")
from_zero, corrected = smoothed(totals, 0.9)
_, logged = runs.series(log, "averaged_losses", "total_loss")
print("ours match those in the run's log:", np.allclose(corrected, logged, rtol=1e-4))
print(f"after one step, uncorrected: {from_zero[0]:.2f}")

# %%
curves = {"loss": totals, "decay 0.5": smoothed(totals, 0.5)[1], "decay 0.9": corrected}
curves["decay 0.99"] = smoothed(totals, 0.99)[1]
curves = {name: (steps, values) for name, values in curves.items()}
start = {"corrected": (steps, corrected), "from zero": (steps, from_zero)}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
title = "How much to smooth?"
plots.lines(left_ax, curves, title=title, x="step", y="total loss (nats)", faint=["loss"])
plots.lines(
    right_ax, start, title="What does starting at zero do?", x="step", y="average, decay 0.9"
)
figures.show(
    figure,
    "Left: a noisy loss and three averages, smoother with higher decay. Right: the average "
    "that starts from zero climbs for 40 steps before it is useful.",
)

# %% [markdown]
# A decay of 0.9, the tutorial's choice, remembers about ten steps. 0.5 still jumps. 0.99 remembers a hundred steps, so
# it is smooth and late. Smoothing trades noise for delay. Which decay is right depends on the question. For "does it
# learn at all?" a tenth of the console's lines is enough. For "has it stopped learning?" you have to look at thousands
# of steps. Note what smoothing cannot do: it shows the loss on training batches more clearly, but it still says nothing
# about images that the network was never trained on. That is lesson 5.
#
# ## The staircase
#
# How far does a step go? As far as the gradient says, times the *learning rate*. The tutorial's rate is 0.1, and it is
# divided by ten after every 350 epochs: a *staircase*. How many steps are 350 epochs of 50,000 images in batches of
# 128? (TensorFlow 1 counted steps in a variable of the graph, the `global_step`, which you had to pass to both the
# schedule and the optimizer. Here it is `state.step`, and a schedule is any function of it.)

# %%
decay_steps = schedule.decay_steps(num_examples=50_000, batch_size=128, epochs_per_decay=350)
print(f"first decay at step {decay_steps:,}, after {decay_steps * 128:,} images")

# %%
steps = np.arange(0, 500_000, 500)
rates = schedule.learning_rate(steps).numpy()
left, right = {"rate": (steps / 1000, rates)}, {"rate": (steps * 128 / 1e6, rates)}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
left_ax.axvspan(60, 100, color="#F3D9A4", label="published results")
right_ax.axvspan(60 * 0.128, 100 * 0.128, color="#F3D9A4")
plots.lines(left_ax, left, title="When does the rate fall?", x="1,000 steps", y="learning rate")
plots.lines(right_ax, right, title="The same, logarithmic", x="million images", y="")
left_ax.legend(frameon=False, fontsize=9)
right_ax.set_yscale("log")
figures.show(
    figure,
    "Drops to a tenth at 136,718, 273,436 and 410,154 steps, all equally high on a logarithmic axis. "
    "The published results, a band from 60,000 to 100,000 steps, come before the first drop.",
)

# %% [markdown]
# On the linear axis the rate seems to vanish after the first drop. The logarithmic axis shows that each drop divides it
# by ten again. Counted in images, the first drop comes after 17.5 million: by then, each of the 50,000 images has been
# seen 350 times.
#
# The published results, about 86 % after 60,000 or 100,000 steps, end before the first drop. So everything published
# about the tutorial's recipe was achieved with a constant rate of 0.1, and with averaged weights (lesson 5) instead of
# a falling rate. Note that the schedule is expressed in training steps. If you double the batch size and keep the
# 136,718, there are twice as many images between two drops. That is why cifarlab's setting is the 350 epochs, from
# which it computes the steps for your batch size and dataset.
#
# ## Other schedules
#
# A schedule is a function of the step. Here are three others. One is widely used today. One is as old as the method
# itself. The third begins by going up, which keeps a network trained with momentum from diverging early in training.


# %%
def cosine(step, last, initial=0.1):
    """Goes down along half a cosine wave, slowly at both ends."""
    return initial * (1 + np.cos(np.pi * step / last)) / 2


# %%
def inverse_time(step, last, initial=0.1):
    """Robbins and Monro's condition: the sum of the rates diverges, that of their squares converges."""
    return initial / (1 + 20 * step / last)


# %%
def one_cycle(step, last, initial=0.1):
    """Goes up linearly, then down linearly; available in cifarlab as `schedule="one-cycle"`."""
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
# To see what a schedule does, you have to let a run finish, and 2,000 steps of our network take minutes. So we use the
# simplest possible problem that still has the essential feature: a bowl, `loss = w**2 / 2`. Its gradient is `w`, but we
# only observe it with noise, just as each batch gives a noisy gradient. We start at w = 3 and roll down 1,000 such
# bowls at once.
#
# **Predict:** which schedule has the lowest loss after 100 steps, and which has the highest at the end?
#
# <details><summary>Answer</summary>
#
# After 100 steps it is inverse time. Like the other three that start at 0.1, it has reached the bottom by then, and its
# rate has already halved, so noise knocks it around less. One cycle starts at zero and is still on its way down. At the
# end the constant rate has the highest loss, because it never slowed down.
#
# </details>


# %%
def roll_down(rates, bowls=1000):
    """Returns the mean loss of noisy gradient descent at each step."""
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
plots.lines(left_ax, rates, title="What do the schedules look like?", x="step", y="learning rate")
plots.lines(right_ax, ends, title="Where does each one settle?", x="step", y="mean loss")
right_ax.set_yscale("log")
left_ax.get_legend().remove()
figures.show(
    figure,
    "Left: five schedules, constant, staircase, cosine, inverse time and one cycle. Right: their losses; "
    "the constant rate stays at a high level, the others get lower as their rates fall.",
)

# %%
last = {name: values[-1] for name, (_, values) in ends.items()}
print("lowest at the end:", min(last, key=last.get), "- highest:", max(last, key=last.get))

# %% [markdown]
# A constant rate goes down quickly and then stops improving: noise knocks it around, further when the steps are larger.
# Only smaller steps settle down. Averaging the weights over many steps has a similar effect, and that is what the
# tutorial does (lesson 5). But a network is not a bowl, and a high rate also helps it to get out of bad places. So do
# not rank the schedules by these curves.
#
# ## A rate that is too high
#
# **Predict** what happens in 20 steps with rates of 0.01, 0.1, 1 and 10,000.
#
# <details><summary>Answer</summary>
#
# With 0.01 the loss falls slowly, with 0.1 faster. A rate of 1 overshoots: the loss becomes larger than it ever was,
# and does not come back down. With 10,000 the numbers become infinite within a few steps. cifarlab notices, stops, and
# says so.
#
# </details>

# %%
tried = {}
for rate in (0.01, 0.1, 1.0, 10_000.0):
    tried[rate], complaint = run(max_steps=20, initial_learning_rate=rate)
    print(f"rate {rate:,g}:", str(complaint).rpartition(". ")[2] if complaint else "finished")

# %% [markdown]
# `train` raises `NotFiniteError`, which our function `run` catches. Before raising it, `train` repeats the steps since
# the last checkpoint to find the cause. So its message also names the step, the layer in which the numbers went wrong,
# a file with the batch of that step, and the last good checkpoint, from which you can resume.
# (`--initial-learning-rate` is the name of the setting on the command line; in a notebook it is
# `initial_learning_rate`.)
#
# The next figure has two panels, because the losses of the low and the high rates do not fit on one axis.

# %%
curves = {}
for rate, events in tried.items():
    values = runs.series(events, "losses", "total_loss")[1]
    curves[f"rate {rate:,g}"] = range(20), values + [math.nan] * (20 - len(values))
low, high = dict(list(curves.items())[:2]), dict(list(curves.items())[2:])

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
plots.lines(left_ax, low, title="Which is faster?", x="step", y="total loss (nats)")
plots.lines(right_ax, high, title="Which is too high?", x="step", y="")
right_ax.set_yscale("log")
right_ax.set_ylim(1, 1e9)
right_ax.set_xticks(range(0, 20, 5))
left_ax.set_xticks(range(0, 20, 5))
figures.show(
    figure,
    "Left: rates of 0.01 and 0.1; the loss falls faster with the second. Right, logarithmic: with a rate "
    "of 1 the loss jumps up by orders of magnitude and stays there; with 10,000 it leaves the plot at once.",
)

# %%
_, totals = runs.series(tried[1.0], "losses", "total_loss")
_, entropies = runs.series(tried[1.0], "losses", "cross_entropy")
print("rate 1: total loss above 100:", totals[-1] > 100)
print("rate 1: no better than guessing:", np.mean(entropies[-5:]) > 2.2)

# %% [markdown]
# A rate of 1 is the more treacherous one. Nothing is infinite, no error is raised, and after its jump the total loss
# even falls from step to step, though not back to where it began. But a few steps that were too large have changed the
# weights so much that the units are zero for every image. ReLU gives such units no gradient, so they stay dead: the
# cross-entropy is that of guessing, and all that falls is weight decay. Once again, the parts of the loss reveal it.
# (Between a rate that is slightly too high and one that is far too high, chance decides: with another seed, a rate of 1
# may become infinite, too.)
#
# ## Recap
#
# - The total loss is cross-entropy plus weight decay. At step 0 it is 4.676, and more than half of that is decay.
# - The drop from 4.68 to 4.59 in the published log is due to weight decay alone. Look at the parts, and at averages of
#   them.
# - The rate is 0.1 in all published runs, because the first drop comes at step 136,718. Smaller steps at the end, or
#   averages, remove the noise.
#
# **Try next:** train with `schedule="one-cycle"` and `max_steps=200` in `run`. Or give `early` a standard deviation
# between those of the two versions, and see how long the delay is.
#
# **Exercise:** [01_softmax](../exercises/01_softmax.ipynb). **Next lesson:** [04_training](04_training.ipynb), is it
# learning?
