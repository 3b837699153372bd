# %% [markdown]
# # Exercise 4. Without averages: is it 3 %, and where does the difference go?
#
# The tutorial says that evaluating without averaged parameters is about 3 % worse, and it asks you to verify this. You
# will do that: you evaluate the raw and the averaged weights of the same runs, at several steps and with several seeds.
# You will also find out what the 3 % depends on, because in some runs of the same network it is 0. First, you compute
# the averages of a single weight, so that you can watch what they do.
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
# | 4. what the 3 % depends on, in two sentences | 2 |
#
# Below each task, a check tells you at once whether your answer is correct and, if not, what was expected, what your
# code returned and the likely cause. (The last task is a question that you answer in words.) The checks use the same
# numbers every time. When your notebook is graded, some of them run again with different numbers.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seeds {SEEDS}")

# %% [markdown]
# ## 1. The averages of one weight
#
# After each update, the tutorial moves the average of a weight a little toward the weight's new value:
#
# `average = decay * average + (1 - decay) * weight`
#
# The decay of that update is `min(bound, (1 + step) / (10 + step))`. The bound is 0.9999 in the tutorial, and `step` is
# the number of updates so far, including the current one. Before the first update, the average is equal to the initial
# value.
#
# Compute the averages along a whole run. Here is an example that you can work out by hand: the values 11 and 0 have the
# averages 11 and 2 if the bound is at least 2/11.
#
# <details><summary>Hint 1: where to look</summary>
#
# Look at "What a moving average of the weights is" in lesson 5. What is `step` at the first update, and which decay
# does that give? Each average needs the one before it.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Start a list with the initial value. Loop over the other values with `enumerate`, which can count from 1. In each
# iteration, compute the decay, apply the formula to the last average in the list and the new value, and append the
# result.
#
# </details>


# %% nbgrader={"grade_id": "averages", "solution": true}
def averages(values: np.ndarray, bound: float) -> np.ndarray:
    """Returns the moving averages of one weight along a run of N updates, with the tutorial's warm-up.

    Args:
        values: float64[N + 1], the weight's initial value and its value after each update; do not change this array.
        bound: the upper bound of the decay, 0 to 1.

    Returns:
        float64[N + 1], the average at the start and after each update.
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
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_averages(averages, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now use your function on weights that wander. There are 400 of them, independent of each other. Each starts at 1, and
# its best value is 0. Its gradient is its distance from 0 plus noise with a standard deviation of 1, because every
# batch pulls in a slightly different direction. In one run of 2,000 steps, the learning rate is constant at 0.1. In the
# other, it falls linearly from 0.1 to 0. To see how far the weights are from 0, we take the root of their mean square.
#
# **Predict**, before you run the next cells: how far from 0 are the weights and their averages at the end of the first
# run, and at the end of the second? In which run does the average help more?
#
# <details><summary>Answer</summary>
#
# At the constant rate, each batch pushes the weight about as far as the batch before. So the weight stays about 0.23
# away from 0, while its average over roughly the last ninth of the run gets much closer. As the rate falls to 0, so
# does the effect of the noise in a batch. So at the end, the weight itself is nearly as close as its average.
#
# </details>


# %%
def walk(rates):
    """Moves 400 weights from 1 toward 0 along noisy gradients; returns float64[steps + 1, 400]."""
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
print(f"constant rate, raw, mean over the last 500 steps: {late_raw:.3f}")

# %%
figure, axes = figures.subplots(1, 2, height=2.9, sharey=True)
for ax, (name, both) in zip(axes, distances.items(), strict=True):
    curves = {kind: (range(2001), distance) for kind, distance in both.items()}
    plots.lines(ax, curves, title=f"{name.capitalize()}: how far from 0?", x="step", y="distance")
    ax.set_ylim(0, 0.4)
figures.show(
    figure,
    "Left: raw weights stay between 0.2 and 0.26 away and jitter; averaged weights get closer and closer, to 0.05. "
    "Right: raw weights get closer, too, and nearly meet the averaged ones at the end.",
    checksum=True,
)

# %% [markdown]
# That was one weight with one best value. Does a real network behave in the same way?
#
# ## 2. Raw and averaged weights of one network
#
# The state of a run, a `TrainState`, holds two networks of the same kind: `state.network` has the weights that are
# trained, and `state.averages` has their averages. Evaluate both on the same images. Precision @ 1 is the share of
# images for which the correct class has the largest logit.
#
# The run continues after your evaluation, so you must leave the state as it was. (The tutorial, in TensorFlow 1, had
# only one network, and its evaluator restored the averages *into* it. What would happen to a training run that did this
# and then continued?)
#
# <details><summary>Answer</summary>
#
# It would continue from the averages. So each evaluation would change the run that it measures, and the result of the
# run would depend on how often you evaluate. Right after an evaluation, the raw weights would also look too good, until
# the noise of the next batches has pushed them away again. This does not happen to the tutorial's runs, because its
# evaluator is a separate program with its own variables.
#
# </details>
#
# <details><summary>Hint 1: where to look</summary>
#
# `cifarlab.inference(net, images)` returns the logits of any network. Lesson 5 counts correct answers with
# `metrics.precision_at_1`, which takes the logits and labels of all images as numpy arrays. A tensor has a method
# `numpy()`.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Do the same for both networks: compute the logits of the images, then the precision. You do not have to assign
# anything to any weight. If you count without `precision_at_1`, note that `tf.argmax` returns int64, which TensorFlow
# does not compare with int32 labels. Use its argument `output_type`, or count with numpy.
#
# </details>


# %% nbgrader={"grade_id": "evaluate-both", "solution": true}
def evaluate_both(
    state: cifarlab.TrainState, images: tf.Tensor, labels: tf.Tensor
) -> tuple[float, float]:
    """Returns precision @ 1 of a run's raw weights and of its averaged weights, each 0 to 1.

    Args:
        state: the state of the run; do not change it.
        images: float32[B, height, width, 3], in any size that the state's network accepts.
        labels: int32[B], the correct classes.
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
# ## 3. A difference, and how certain it is
#
# A run with a different seed gives different precisions. So we use several seeds and report the mean gain from
# averaging, together with its *standard error*. This is the standard deviation that the mean would have if you repeated
# all the runs with new seeds.
#
# The raw and the averaged weights of one run belong together. A lucky seed improves both, and this cancels in their
# difference. So the comparison is *paired*: there is one difference per run, and the standard error is that of the mean
# of these differences. We estimate the standard deviation of a single difference from a sample, so we divide the sum of
# squares by n - 1. The mean of n differences varies less, by a factor of $\sqrt{n}$.
#
# Report both numbers in percentage points: from 75.7 % to 79.0 %, the difference is 3.3 points.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.mean` and `np.std` take an `axis`. Which axis holds the seeds? `np.std` divides by n, unless you change that with
# the argument `ddof` ("delta degrees of freedom").
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# First compute the table of differences in points. Both results follow from this table: the mean over the seeds, and
# the standard deviation over the seeds divided by the square root of their number.
#
# </details>


# %% nbgrader={"grade_id": "difference", "solution": true}
def difference(raw: np.ndarray, averaged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean gain from averaging and its standard error, at each step.

    Args:
        raw: float64[seeds, steps], the precisions of the raw weights, 0 to 1, for 2 seeds or more.
        averaged: float64[seeds, steps], the precisions of the averaged weights in the same runs.

    Returns:
        float64[steps], the mean over the seeds of averaged minus raw, in percentage points.
        float64[steps], the standard error of this mean, in percentage points.
    """
    ### BEGIN SOLUTION
    gains = 100 * (averaged - raw)
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    ### END SOLUTION


# %% nbgrader={"grade_id": "difference-check", "grade": true, "locked": true, "points": 2}
teaching.check_difference(difference)

# %% nbgrader={"grade_id": "difference-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_difference(difference, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## The network at a constant and at a falling rate
#
# Now we train the tutorial's network, in short runs with batches of 16. Three runs with three seeds use the tutorial's
# rate of 0.1, which is constant here. (It first decays after 136,718 steps of 128 images; see lesson 3.) Three more
# runs with the same seeds use a rate that falls linearly to 0. Your function evaluates the raw and the averaged weights
# on 500 test images, three times during each run, and once before any training to see where both begin. The six runs
# take less than a minute.
#
# **Predict:** how large is the difference at the last evaluation of each kind of run, in points?

# %%
test = next(iter(cifarlab.inputs(dataset, batch_size=500)))
raw, averaged = evaluate_both(cifarlab.TrainState(cifarlab.ConvNet(seed=0)), *test)
print("before training, raw and averaged weights are equally good:", bool(raw == averaged))
STEPS, LOOKS = 160, (80, 120, 160)
RATES = {
    "constant rate": lambda step: tf.constant(0.1),
    "falling rate": lambda step: 0.1 * (1 - tf.cast(step, tf.float32) / STEPS),
}


# %%
@functools.cache
def batches(seed):
    """Returns the batches of a run; those of the second run with the same seed are kept from the first."""
    return list(cifarlab.distorted_inputs(dataset, batch_size=16, seed=seed).take(STEPS))


# %%
def run(rate, seed):
    """Returns the precisions of raw and averaged weights at each evaluation: float64[2, looks]."""
    state, found = cifarlab.TrainState(cifarlab.ConvNet(seed=seed), schedule=rate), []
    step = tf.function(functools.partial(cifarlab.train_step, state))
    for done, (images, labels) in enumerate(batches(seed), start=1):
        step(images, labels)
        if done in LOOKS:
            found.append(evaluate_both(state, *test))
    return np.transpose(found)


# %%
# Six training runs: less than a minute.
runs = {name: np.array([run(rate, seed) for seed in SEEDS]) for name, rate in RATES.items()}
brought = {name: difference(found[:, 0], found[:, 1]) for name, found in runs.items()}
mean = {name: means for name, (means, _) in brought.items()}

# %%
late = mean["constant rate"][-2:].mean()
print("constant rate, mean of the last two evaluations is above 1 point:", bool(late > 1))
last = mean["falling rate"][-1]
print("falling rate, last evaluation is between -3 and 3 points:", bool(-3 < last < 3))

# %%
# NBVAL_IGNORE_OUTPUT
for name, (means, errors) in brought.items():
    print(f"{name}, gain from averaging, in points, with its standard error:")
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
    left_ax, precisions, title="How good are they?", x="step", y="precision, mean of 3 seeds (%)"
)
left_ax.set_ylim(20, 40)  # room for the legend
differences = {name: (LOOKS, means) for name, means in mean.items()}
plots.lines(right_ax, differences, title="What do averages gain?", x="step", y="percentage points")
for color, (means, errors) in zip(figures.COLORS, brought.values(), strict=False):
    right_ax.fill_between(LOOKS, means - errors, means + errors, color=color, alpha=0.2)
right_ax.axhline(0, color="black", linewidth=0.8)
figures.show(
    figure,
    "Left: raw weights at a constant rate stay lowest; the other three curves rise. Right: the gain from averaging, "
    "with a band of one standard error: several points at the constant rate; at the falling rate, it falls to about 0.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# At the constant rate, more than 3 points, because batches of 16 are noisier than the tutorial's batches of 128. The
# difference jumps from one evaluation to the next, since there are only three seeds and the raw weights jitter. At the
# falling rate, almost nothing is left at the end. It may even be a little less than 0: while a network is still
# learning, its averages lag behind, and once the jitter is gone, that lag is all that averaging adds.
#
# </details>
#
# ## What longer runs show
#
# These runs are far too short to reach the tutorial's 86 %. The following numbers come from recorded runs on CIFAR-10,
# evaluated on all 10,000 test images. First comes the tutorial's own recipe, with one seed and a rate of 0.1 to the
# end. Lesson 5 shows more steps of this run.

# %%
tutorial_steps = np.arange(10_000, 70_000, 10_000)
tutorial_raw = np.array([75.7, 77.2, 78.3, 78.6, 79.7, 78.6])  # %
tutorial_averaged = np.array([79.0, 80.6, 81.3, 82.2, 81.9, 82.3])
tutorial_gains = tutorial_averaged - tutorial_raw
print("gains in points:", tutorial_gains.round(1).tolist(), f"mean {tutorial_gains.mean():.1f}")

# %% [markdown]
# Next comes the quick recipe, `cifarlab train --recipe quick`, with three seeds. Its rate rises to 0.05 in the first
# quarter of the 18,000 steps, and then falls linearly to 0. (It also differs in other ways: it uses momentum, it mixes
# images in pairs, and the bound of its averages is 0.999.)

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
plots.lines(ax, curves, title="Is it 3 %, and does it stay?", x="step", y="percentage points")
ax.set_ylim(-0.2, 5.5)
figures.show(
    figure,
    "With the constant rate and one seed, the difference goes up and down: at the six steps shown, up to step 60,000, "
    "it is between 2.2 and 3.7 points. With the falling rate and three seeds, it drops steeply, from 4.8 points at "
    "step 6,000 to 0 at step 18,000.",
    checksum=True,
)

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# ## 4. What does the 3 % depend on?
#
# **Explain in two sentences:** why does the tutorial's evaluation lose about 3 points without averages as long as its
# rate is constant? And why does a run whose rate has fallen to 0 lose nothing? In each sentence, quote a number that
# you read above.
#
# *How it is graded, 2 points:* one for the reason at a constant rate, with a number; one for the reason at a rate of 0,
# with a number.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# At the tutorial's constant rate, each batch pushes the weights about as far as the one before, so they never settle
# (they stay 0.23 away from the best value in the model), and an average over many steps removes most of this noise
# (0.05): in the recorded run, with one seed, that is worth 2.2 to 3.7 points at the six steps shown, 3.2 on average,
# and no less after 60,000 steps than after 10,000. When the rate falls to 0, the steps become smaller and the noise
# with them, so the raw weights settle on their own, as close as the average: the gain of 4.8 points at step 6,000
# became 0.0 at step 18,000, because there was no noise left for an average to remove.

# %% [markdown]
# ## Recap
#
# - The tutorial's 3 % is right for its constant rate. It belongs to the rate and not to the network: an average removes
#   the noise of the steps, and the rate determines how large that noise is.
# - A rate that falls to 0 does the same for the raw weights, but only at the end. An average is available at every
#   step.
# - A difference needs an error estimate. Take paired differences, one per run, and report the number of seeds.
#
# **Try next:** how does the distance of the raw weights in the model depend on the constant rate? Measure it with
# `walk` at 0.4, 0.1 and 0.025, and compare the results with sqrt(rate / (2 - rate)). What happens to your short runs at
# a rate of 0.02?
