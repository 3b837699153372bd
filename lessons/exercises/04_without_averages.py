# %% [markdown]
# # Exercise 4. Without averages: is it 3 %, and where does the difference go?
#
# The tutorial says that evaluating without averaged parameters is about 3 % worse, and asks you to see for yourself.
# You do that: evaluate the raw and the averaged weights of the same runs, at several steps and with several seeds. And
# you find out what the 3 % depend on, since there are runs of the same network in which they are 0. First you compute
# the averages of a single weight, whose wandering can be seen.
#
# **Continues** lesson 5, evaluation. **Time**: 50 minutes. **Difficulty**: 2 of 3.
#
# **Hand in** this notebook, with three functions written and one question answered. **Points**: 12.
#
# | task | points |
# | --- | ---: |
# | 1. `averages` | 4 |
# | 2. `evaluate_both` | 3 |
# | 3. `difference` | 3 |
# | 4. what the 3 % depend on, in two sentences | 2 |
#
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others. You answer the last task in words.

# %%
import functools
import os

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.evaluation import metrics
from cifarlab.plotting import figures, plots
from cifarlab.training import schedule

SEEDS, dataset = (0, 1, 2), cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seeds {SEEDS}")

# %% [markdown]
# ## 1. The averages of one weight
#
# After each update the tutorial moves the average of a weight a part of the way to the weight's new value:
#
# `average = decay * average + (1 - decay) * weight`
#
# where the decay of that update is `min(bound, (1 + step) / (10 + step))`. The bound is 0.9999 in the tutorial; `step`
# is the number of updates done, the present one included. Before the first update the average is the initial value.
#
# Write the averages along a whole run. An example that you can work out by hand: the values 11 and 0 have the averages
# 11 and 2, if the bound is no less than 2/11.
#
# <details><summary>Hint 1: where to look</summary>
#
# Lesson 5, "What a moving average of the weights is". Which step is it at the first update, and which decay does that
# give? Each average needs the one before it.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Begin a list with the initial value. Go through the other values with `enumerate`, which can count from 1; compute the
# decay, and append what the formula makes of the list's last average and the value.
#
# </details>


# %% nbgrader={"grade_id": "averages", "solution": true}
def averages(values: np.ndarray, bound: float) -> np.ndarray:
    """The moving averages of one weight along a run of N updates, with the tutorial's warm-up.

    Args:
        values: float64[N + 1], the weight's initial value, then its value after each update; do not change this array.
        bound: of the decay, which is never larger; 0 to 1.

    Returns:
        float64[N + 1], the average at the same moments.
    """
    ### BEGIN SOLUTION
    found = [values[0]]
    for step, value in enumerate(values[1:], start=1):
        kept = min(bound, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * value)
    return np.array(found)
    ### END SOLUTION


# %% nbgrader={"grade_id": "averages-check", "grade": true, "locked": true, "points": 3}
teaching.check_averages(averages)

# %% nbgrader={"grade_id": "averages-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_averages(averages, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now use it on weights that wander. Here are 400 of them, each by itself. Each starts at 1 and would like to be 0, its
# best value. Its gradient is its distance from there, and as each batch has its own opinion, the gradient has noise on
# it, with a standard deviation of 1. One run of 2,000 steps has the constant rate 0.1; in the other one the rate falls
# in a straight line from 0.1 to 0. How far the weights are from 0 is told by the root of their mean square.
#
# **Predict**, before you run the next cells: how far from 0 are weights and averages at the end of the first run, and
# at the end of the second? In which does the average help more?
#
# <details><summary>Answer</summary>
#
# At the constant rate each batch throws the weight about as far as the batch before. So it stays about 0.23 away, and
# the average over the last ninth of the run gets much nearer. As the rate falls to 0, so does what the noise of a batch
# can do: at the end the weight itself is nearly as near as its average.
#
# </details>


# %%
def walk(rates):
    """400 weights on their way from 1 to 0 by noisy gradients: float64[steps + 1, 400]."""
    generator, path = np.random.default_rng(0), [np.ones(400)]
    for rate in rates:
        gradients = path[-1] + generator.normal(size=400)
        path.append(path[-1] - rate * gradients)
    return np.array(path)


# %%
walks = {"constant rate": walk(np.full(2000, 0.1)), "falling rate": walk(np.linspace(0.1, 0, 2000))}
distances = {}
for name, weights in walks.items():
    averaged = np.transpose([averages(values, 0.9999) for values in weights.T])
    distances[name] = {"raw": np.sqrt(np.mean(weights**2, axis=1))}
    distances[name]["averaged"] = np.sqrt(np.mean(averaged**2, axis=1))
    at_the_end = {kind: f"{distance[-1]:.3f}" for kind, distance in distances[name].items()}
    print(f"{name}, distance from 0 at the end: {at_the_end}")
late_raw = distances["constant rate"]["raw"][-500:].mean()
print(f"constant rate, raw, mean of the last 500 steps: {late_raw:.3f}")

# %%
figure, axes = figures.subplots(1, 2, height=2.9, sharey=True)
for ax, (name, both) in zip(axes, distances.items(), strict=True):
    curves = {kind: (range(2001), distance) for kind, distance in both.items()}
    plots.lines(ax, curves, title=f"How far from the best, {name}?", x="step", y="distance")
    ax.set_ylim(0, 0.4)
figures.show(
    figure,
    "Left: raw weights stay between 0.2 and 0.26 away, with jitter; averaged ones come nearer and nearer, to 0.05. "
    "Right: raw weights come nearer, too, and nearly meet the averaged ones at the end.",
    checksum=True,
)

# %% [markdown]
# That is one weight in a bowl. Does a network do the same?
#
# ## 2. Raw and averaged weights of one network
#
# The state of a run, a `TrainState`, holds two networks of the same make: `state.network` has the weights that are
# trained, `state.averages` has their averages. Evaluate both on the same pictures. Precision @ 1 is the share of the
# pictures whose largest logit is that of the right class.
#
# The run goes on after your evaluation. So the state must be afterwards what it was before. (The tutorial, in
# TensorFlow 1, had but one network, and its evaluator restored the averages *into* it. What would happen to a run that
# does so and goes on?)
#
# <details><summary>Answer</summary>
#
# It would go on from the averages. So each evaluation would change the run that it looks at: how often you look would
# decide where the run goes, and its raw weights would be too good right after a look, until the noise of the next
# batches has thrown them off again. To the tutorial's runs it does not happen, since its evaluator is a program of its
# own, with variables of its own.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# `cifarlab.inference(net, images)` gives the logits of any network. Lesson 5 counts with `metrics.precision_at_1`,
# which takes the logits and labels of all pictures as numpy arrays; a tensor has a method `numpy()`.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# The same for both networks: logits of the pictures, then the precision. Nothing has to be assigned to any weight. If
# you count without `precision_at_1`: `tf.argmax` returns int64, which TensorFlow does not compare with int32 labels.
# Mind its `output_type`, or count with numpy.
#
# </details>


# %% nbgrader={"grade_id": "evaluate-both", "solution": true}
def evaluate_both(
    state: cifarlab.TrainState, images: tf.Tensor, labels: tf.Tensor
) -> tuple[float, float]:
    """Precision @ 1 of the raw and of the averaged weights of a run, each 0 to 1, in this order.

    Args:
        state: of the run; afterwards it is as before.
        images: float32[B, height, width, 3], of any size that the state's network takes.
        labels: int32[B].
    """
    ### BEGIN SOLUTION
    right = []
    for net in (state.network, state.averages):
        logits = cifarlab.inference(net, images).numpy()
        right.append(metrics.precision_at_1(logits, labels.numpy()))
    return right[0], right[1]
    ### END SOLUTION


# %% nbgrader={"grade_id": "evaluate-both-check", "grade": true, "locked": true, "points": 3}
teaching.check_evaluate_both(evaluate_both)

# %% [markdown]
# ## 3. A difference, and how sure it is
#
# A run with another seed gives other precisions. So we take several seeds, and state the mean over them of what
# averages bring, together with its *standard error*: the standard deviation that this mean would have if all runs were
# repeated with new seeds.
#
# Raw and averaged weights of one run belong together. A seed that is lucky lifts both, and that does not matter for
# their difference. So the comparison is *paired*: one difference for each run, and the error is that of the mean of
# these differences. The standard deviation of single differences is estimated from a sample here, hence its squares are
# divided by n - 1, and the mean of n of them varies less by a factor of $\sqrt{n}$.
#
# State both in percent points: from 75.7 % to 79.0 % are 3.3 points.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.mean` and `np.std` take an `axis`; which one holds the seeds? `np.std` divides by n unless you tell it otherwise
# with its `ddof`, "delta degrees of freedom".
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Compute the table of differences in points first. From it alone follow the two results: the mean over the seeds, and
# the deviation over the seeds, divided by the root of their number.
#
# </details>


# %% nbgrader={"grade_id": "difference", "solution": true}
def difference(raw: np.ndarray, averaged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What averages bring, and the standard error of that, at each step.

    Args:
        raw: float64[seeds, steps], precisions of raw weights, 0 to 1; 2 seeds or more.
        averaged: float64[seeds, steps], those of the averaged weights of the same runs.

    Returns:
        float64[steps], the mean over the seeds of averaged minus raw, in percent points.
        float64[steps], the standard error of this mean, in percent points.
    """
    ### BEGIN SOLUTION
    gains = 100 * (averaged - raw)
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    ### END SOLUTION


# %% nbgrader={"grade_id": "difference-check", "grade": true, "locked": true, "points": 2}
teaching.check_difference(difference)

# %% nbgrader={"grade_id": "difference-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_difference(difference, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 4. The network at a constant and at a falling rate
#
# Now the tutorial's network, in short runs with batches of 32. Three seeds have the tutorial's rate, which is constant
# here, 0.1. (It first decays after 136,718 steps of 128 pictures; see lesson 3.) The same three seeds have a rate that
# falls in a straight line to 0. At four looks each, your function evaluates both kinds of weights on 500 test pictures,
# and once before any training, to see where both begin. The six runs take one or two minutes.
#
# **Predict:** how large is the difference at the last look of each, in points?

# %%
test = next(iter(cifarlab.inputs(dataset, batch_size=500)))
raw, averaged = evaluate_both(cifarlab.TrainState(cifarlab.ConvNet(seed=0)), *test)
print("before training, raw and averaged weights are equally good:", bool(raw == averaged))
STEPS, LOOKS = 240, (60, 120, 180, 240)
RATES = {
    "constant rate": lambda step: tf.constant(0.1),
    "falling rate": lambda step: 0.1 * (1 - tf.cast(step, tf.float32) / STEPS),
}


# %%
def run(rate, seed):
    """Precision of raw and of averaged weights at each look of a run: float64[2, looks]."""
    state, found = cifarlab.TrainState(cifarlab.ConvNet(seed=seed), schedule=rate), []
    step = tf.function(functools.partial(cifarlab.train_step, state))
    batches = cifarlab.distorted_inputs(dataset, batch_size=32, seed=seed).take(STEPS)
    for done, (images, labels) in enumerate(batches, start=1):
        step(images, labels)
        if done in LOOKS:
            found.append(evaluate_both(state, *test))
    return np.transpose(found)


# %%
# Trains six runs: one or two minutes.
runs = {name: np.array([run(rate, seed) for seed in SEEDS]) for name, rate in RATES.items()}
brought = {name: difference(found[:, 0], found[:, 1]) for name, found in runs.items()}
mean = {name: means for name, (means, _) in brought.items()}

# %%
late = mean["constant rate"][-2:].mean()
print("constant rate, mean of the last two looks: above 1 point:", bool(late > 1))
last = mean["falling rate"][-1]
print("falling rate, last look: between -3 and 3 points:", bool(-3 < last < 3))

# %%
# NBVAL_IGNORE_OUTPUT
for name, (means, errors) in brought.items():
    print(f"{name}, what averages bring, in points, with the standard error:")
    looks = zip(LOOKS, means, errors, strict=True)
    print("   ", ", ".join(f"step {step}: {mean:.1f} ± {error:.1f}" for step, mean, error in looks))

# %%
precisions = {
    f"{name}, {kind}": (LOOKS, 100 * found[:, place].mean(axis=0))
    for name, found in runs.items()
    for place, kind in enumerate(("raw", "averaged"))
}

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3.2)
plots.lines(
    left_ax, precisions, title="How good are they?", x="step", y="right, mean of 3 seeds (%)"
)
differences = {name: (LOOKS, means) for name, means in mean.items()}
plots.lines(right_ax, differences, title="What do averages bring?", x="step", y="percent points")
for colour, (means, errors) in zip(figures.COLORS, brought.values(), strict=False):
    right_ax.fill_between(LOOKS, means - errors, means + errors, color=colour, alpha=0.2)
right_ax.axhline(0, color="black", linewidth=0.8)
figures.show(
    figure,
    "Left: four rising curves; raw weights at a constant rate end lowest. Right: what averages bring, with a "
    "band of one standard error: some points along the way; at the falling rate it ends near 0.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than 3 points at the constant rate, since batches of 32 are noisier than the tutorial's of 128. It jumps from
# look to look: three seeds, and raw weights that jitter. At the falling rate next to nothing is left at the end. It may
# even be a little less than 0: a network that is still learning is behind in its averages, and where there is no jitter
# any more, that is all that they change.
#
# </details>
#
# ## What hours bring
#
# So short a run is far from the tutorial's 86 %. These are recorded runs on CIFAR-10, evaluated on all 10,000 test
# pictures. First the tutorial's own recipe, one seed, with a rate of 0.1 to the end; lesson 5 shows more steps of it.

# %%
tutorial_steps = np.arange(10_000, 70_000, 10_000)
tutorial_raw = np.array([75.7, 77.2, 78.3, 78.6, 79.7, 78.6])  # %
tutorial_averaged = np.array([79.0, 80.6, 81.3, 82.2, 81.9, 82.3])
tutorial_gains = tutorial_averaged - tutorial_raw
print("points:", tutorial_gains.round(1).tolist(), f"mean {tutorial_gains.mean():.1f}")

# %% [markdown]
# Then the quick recipe, `cifarlab train --recipe quick`, three seeds. Its rate rises to 0.05 in the first quarter of
# 18,000 steps, and then falls in a straight line to 0. (It differs in more: momentum, pictures mixed in pairs, averages
# with a bound of 0.999.)

# %%
quick_steps = [6_000, 12_000, 18_000]
quick_raw = np.array([[71.8, 77.4, 81.9], [72.0, 77.0, 81.6], [71.8, 77.0, 81.8]]) / 100
quick_averaged = np.array([[76.9, 80.2, 81.9], [76.9, 79.6, 81.7], [76.3, 80.0, 81.8]]) / 100
quick_gains, errors = difference(quick_raw, quick_averaged)

# %%
for step, points, error in zip(quick_steps, quick_gains, errors, strict=True):
    rate = float(schedule.one_cycle(step, max_steps=18_000, peak=0.05))
    print(f"step {step:6,}, rate {rate:.3f}: {points:.1f} points, standard error {error:.2f}")

# %%
figure, (ax,) = figures.subplots()
curves = {"tutorial, constant rate": (tutorial_steps, tutorial_gains)}
curves["quick recipe, falling rate"] = (quick_steps, quick_gains)
plots.lines(ax, curves, title="Is it 3 %, and does it stay?", x="step", y="percent points")
ax.set_ylim(-0.2, 5.5)
figures.show(
    figure,
    "With the constant rate, one seed, the difference goes up and down: at these six steps, up to step 60,000, it is "
    "between 2.2 and 3.7 points. With the falling rate, three seeds, it goes down steeply, from 4.8 points at step "
    "6,000 to 0 at step 18,000.",
    checksum=True,
)

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in two sentences:** why does the tutorial's evaluation lose about 3 points without averages, as long as
# its rate is constant? And why does a run lose nothing whose rate has come to 0? Name a figure that you read off above
# in each.
#
# *How it is graded, 2 points:* one for the reason at a constant rate, with a figure; one for the reason at a rate of 0,
# with a figure.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# At the tutorial's constant rate each batch throws the weights about as far as the one before, so they never come to
# rest (0.23 from the best value in the model), and an average over many steps takes that noise out (0.05): in the
# recorded run, of one seed, that is worth 2.2 to 3.7 points at the six steps shown, 3.2 in the mean, after 60,000 no
# less than after 10,000.
# When the rate falls to 0, so does the length of the steps and with it the noise, and the raw weights come to rest by
# themselves, as near as the average: 4.8 points at step 6,000 became 0.0 at step 18,000, since nothing was left that an
# average could take out.

# %% [markdown]
# ## Recap
#
# - The tutorial's 3 % are right for its constant rate, and belong to the rate, not to the network: an average takes out
#   the noise of the steps, which is as large as the rate lets it be.
# - A rate that falls to 0 does the same to the raw weights. But only at the end: an average is there at every step.
# - A difference needs an error. Take differences in pairs, run by run, and say over how many seeds.
#
# **Try next:** how does the distance of the raw weights in the model depend on the constant rate? Measure it with
# `walk` at 0.4, 0.1 and 0.025, and compare with sqrt(rate / (2 - rate)). What happens to your short runs at a rate of
# 0.02?
