# %% [markdown]
# # 5. Evaluation: how good is it, and why do averages help?
#
# A falling loss shows that a network is learning, not that it is any good. To find that out, it has to classify images
# that it was never trained on, and you have to count carefully. The tutorial does this in a separate program that runs
# alongside the trainer, and it does not use the weights that are being trained but their moving averages. This lesson
# counts, looks at what goes wrong, and finds out what the averages are worth.
#
# **You need** to know about runs and checkpoints from lesson 4. **You will be able to** state a precision with its
# uncertainty, say what a decay of 0.9999 means and what the warm-up is for, read a confusion matrix, classify your own
# image, and run an evaluator alongside a trainer.
#
# **Time**: 35 minutes to read and try, under a minute to run on two processor cores.

# %%
import math
import os
import tempfile
from pathlib import Path

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.data import image_files, pipeline, records
from cifarlab.demos import recorded_runs, weight_averages
from cifarlab.evaluation import classifier, evaluator, metrics
from cifarlab.plotting import evaluations, figures, image_grids, plots

dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
folder = Path(tempfile.mkdtemp())  # for this lesson's run
print(f"Data: {dataset.name}, {dataset.num_examples('test'):,} test images, seed 0")

# %% [markdown]
# ## What a moving average of the weights is
#
# Gradient descent on batches never settles down. Each batch pulls the weights in its own direction, so they wander
# around the best place. An average over many steps is closer to the center of that wandering. The tutorial keeps one
# average for each weight, and after each update moves it slightly toward the new value:
#
# `average = decay * average + (1 - decay) * weight`
#
# With a decay of 0.99 the average forgets one percent per step, so it remembers about 1 / (1 - 0.99) = 100 steps. The
# tutorial's decay is 0.9999, a memory of 10,000 steps. Used from the very first step, it would give a bad average:
# after 1,000 steps it would still consist mostly of initial, random weights. That is why there is a *warm-up*. The
# decay used at a step is `min(decay, (1 + step) / (10 + step))`.
#
# **Predict:** for how many steps does the warm-up keep the decay below 0.9, 0.99, 0.999 and 0.9999? And in the middle
# of the warm-up, say at step 890, how many steps does the average remember?
#
# <details><summary>Answer</summary>
#
# 80, 890, 8,990 and 89,990 steps, as the next cell finds. During the warm-up, 1 / (1 - decay) is (10 + step) / 9, so
# the average always remembers about the last ninth of the run: 100 steps at step 890.
#
# </details>

# %%
DECAYS = (0.9, 0.99, 0.999, 0.9999)
steps = np.unique(np.geomspace(1, 200_000, 300).astype(int)).tolist()
memory = {}
for decay in DECAYS[::-1]:
    used = weight_averages.warmup_decay(decay)
    reached = next(step for step in range(100_000) if used(step) == decay)
    memory[f"decay {decay}"] = (steps, [1 / (1 - used(step)) for step in steps])
    print(f"{decay} is reached at step {reached:,}")

# %%
figure, (ax,) = figures.subplots(height=3.4)
title = "How many steps does the average remember?"
plots.lines(ax, memory, title=title, x="step", y="steps remembered: 1 / (1 - decay)")
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_ylim(1, 500_000)
for step, name in ((240, "the run below"), (60_000, "published")):
    plots.vertical_line(ax, step, name)
figures.show(
    figure,
    "Four curves rise together along a line, one ninth of the step. One after another they leave it and "
    "stay at 10, 100, 1,000 and 10,000 steps.",
    checksum=True,
)

# %% [markdown]
# Even the tutorial's run of 60,000 steps ends within the warm-up of its 0.9999. In a run of 240 steps, 0.99, 0.999 and
# 0.9999 all give the same average: not nearly the same, but the same numbers in every step.
#
# ## A short run, and what each average is worth along it
#
# We train with batches of 16, whose weights wander more than with 128. We also add an observer that keeps four more
# averages, with the four decays used *from the first step*, without a warm-up. Every 60 steps it counts how many of 400
# test images each set of weights classifies correctly.
#
# **Predict:** which of the four is best after 240 steps, and which is hopeless?

# %%
decays = {f"decay {decay}": weight_averages.constant_decay(decay) for decay in DECAYS}
sample = pipeline.inputs(dataset, batch_size=200, num_examples=400)
averages = weight_averages.WeightAverages(decays, sample, every=60)
settings = {"dataset": dataset.name, "train_dir": str(folder / "run"), "log_frequency": 1}
config = cifarlab.TrainConfig(max_steps=240, batch_size=16, **settings)
state = cifarlab.train(config, dataset=dataset, observers=[averages])

# %%
percent = {name: 100 * np.array(values) for name, values in averages.precision.items()}
curves = {name: (averages.steps, values) for name, values in percent.items()}
ours = {name: curves[name] for name in (weight_averages.RAW, weight_averages.AVERAGED)}
others = {name: curves[name] for name in decays}
right_answers = "correct, of 400 test images (%)"

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3.2, sharey=True)
plots.lines(left_ax, ours, title="Do averages help?", x="step", y=right_answers)
plots.lines(right_ax, others, title="And without a warm-up?", x="step", y="")
right_ax.legend(ncols=2, frameon=False, fontsize=9, loc="upper left")
left_ax.set_ylim(0, 70)
figures.show(
    figure,
    "Left: precision rises with both, but with averaged weights it is several points higher. "
    "Right: decays of 0.9 and 0.99 rise, 0.999 lags behind, 0.9999 stays near chance.",
)

# %%
print("averaged weights at least as good as raw ones, on average:",
      bool(percent[weight_averages.AVERAGED][1:].mean() > percent[weight_averages.RAW][1:].mean()))  # fmt: skip
print("decay 0.9999 without warm-up ends below 20 %:", bool(percent["decay 0.9999"][-1] < 20))
for decay in DECAYS:
    print(f"decay {decay} without warm-up: {decay**240:.0%} of the initial weights are left")

# %% [markdown]
# <details><summary>Answer</summary>
#
# After 240 steps the average with decay d still contains a share of d to the power of 240 of the initial weights. These
# shares are printed above. With 0.9999 the average has hardly left its random start. With 0.999 most of that start is
# still in it, so it lags behind. The best is 0.9 or 0.99: a longer memory is smoother but further behind, so which of
# the two leads may differ from run to run.
#
# </details>
#
# At nearly every evaluation the averaged weights are ahead, although training and images are the same: averaging
# removes the noise of the last steps. And it is cheap: no extra gradient, and one multiplication per weight and step.
#
# ## What hours of training give you
#
# Our run ends before the network has learned much. Below is the tutorial's own recipe on CIFAR-10, recorded once:
# 60,000 steps with batches of 128. The file states the machine and the settings.

# %%
about, recorded = recorded_runs.tutorial()
last = recorded[-1]
print(about["machine"].split(", Python")[0])
print(f"{last['step']:,} steps in {last['minutes']:.0f} minutes")
for weights in ("averaged", "raw"):
    print(f"{weights}: {last[weights]['precision_at_1']:.1%} of 10,000 test images")

# %%
steps = [line["step"] for line in recorded]
curves = {
    name: (steps, [100 * line[key]["precision_at_1"] for line in recorded])
    for name, key in (("raw weights", "raw"), ("averaged weights", "averaged"))
}
figure, (ax,) = figures.subplots(height=3.2)
title = "How much do hours of training and averages help?"
plots.lines(ax, curves, title=title, x="step", y="correct, of 10,000 test images (%)")
figures.show(
    figure,
    "Over 60,000 steps the averaged weights rise smoothly to 82 %; the raw weights zigzag 2 to 6 points "
    "below them.",
    checksum=True,
)

# %%
gains = [line["averaged"]["precision_at_1"] - line["raw"]["precision_at_1"] for line in recorded]
print(f"averages gain {100 * min(gains):.1f} to {100 * max(gains):.1f} points")

# %% [markdown]
# The tutorial's exercise says that evaluation without averages is about 3 % lower. Here it is 1.9 to 6.4 points lower
# during the run, and 3.7 at its end. The tutorial's headline result of about 86 % was achieved on the official images.
# This run was recorded on a JPEG copy of them, on two processor cores, and reached 82.3 %.
#
# ## Precision @ 1, exactly
#
# *Precision @ 1* is the share of images whose largest logit is that of the correct class. (It is also called top-1
# accuracy.) So each test image has to be evaluated exactly once. `pipeline.inputs` returns the images in the order of
# the file, center-cropped and not distorted, in batches. The last batch is smaller.

# %%
test_images = cifarlab.inputs(dataset, batch_size=500)
logits, labels = evaluator.logits_and_labels(state.averages, test_images)
right = logits.argmax(axis=1) == labels
in_file = np.concatenate([records.read_labels(file) for file in dataset.test_files])
print(f"{len(labels):,} images; each exactly once, in order:", np.array_equal(labels, in_file))
print("above 30 %:", bool(right.mean() > 0.3))

# %% [markdown]
# Here is the same in one call, from the run's folder. It restores the latest checkpoint and uses the averaged weights
# unless you request the raw ones. (In TensorFlow 1 the evaluator restored the averages *into* the variables of the
# weights, using a table of names. Here they are a second network, and nothing is swapped.)

# %%
evaluation = cifarlab.evaluate(cifarlab.EvalConfig(checkpoint_dir=config.train_dir))
same = abs(evaluation.precision - right.mean()) < 0.001
print("step", evaluation.step, "- the same precision:", bool(same))

# %% [markdown]
# How reliable is such a number? A different sample of images would have given a different one. If each of n images is
# classified correctly with probability p, the share of correct answers has the standard deviation of a binomial
# distribution, sqrt(p (1 - p) / n), and 95 % of such shares are within about two standard deviations.
#
# **Predict:** two networks reach 86.0 % and 85.5 % on the same 10,000 images. Is the first one better?

# %%
low, high = metrics.wilson_interval(8600, 10_000)
print(f"8,600 of 10,000: between {low:.1%} and {high:.1%}")
low, high = metrics.wilson_interval(int(right.sum()), len(right))
print("our interval is less than 2.5 points to either side:", bool(high - low < 0.05))

# %% [markdown]
# <details><summary>Answer</summary>
#
# You cannot tell from these numbers: each is within the other's interval. (On the same images you can look more
# closely, at those on which the two networks disagree.)
#
# </details>
#
# ## The tutorial counted 112 images twice
#
# Its evaluation only handles whole batches. How many of them does it need for 10,000 images?

# %%
batches = math.ceil(10_000 / 128)
print(f"{batches} batches of 128 are {batches * 128:,} images")
print(f"counted twice: {batches * 128 - 10_000}")

# %% [markdown]
# The queue wraps around, so the last image is followed by the first ones again, and the sum is divided by 10,112. On
# the drawn test set of 2,000 images, the same arithmetic gives 48. These are the images that would have been counted
# twice:

# %%
twice = -len(right) % 128
images = np.concatenate([records.read_records(file)[0] for file in dataset.test_files])
figure, (ax,) = figures.subplots(height=0.3 + 0.5 * math.ceil(twice / 16))
image_grids.image_grid(
    ax, [images[first : min(first + 16, twice)] for first in range(0, twice, 16)]
)
figures.show(figure, f"The {twice} test images that would have been counted twice.", checksum=True)

# %% [markdown]
# Does it matter? It would not if they were a fair sample. But so few images are by chance easier or harder than the
# rest. In the tutorial, each evaluation has its own session, and so its own queue, which starts at the beginning of the
# file. So it is roughly the first 112 images that are counted twice, every time. With the file in a different order, it
# would be different ones, so let us try each position where the second pass could begin.

# %%
wrapped = np.concatenate([right, right[:twice]])
extra = [wrapped[first : first + twice].sum() for first in range(len(right))]
counted = (right.sum() + np.array(extra)) / (len(right) + twice)
errors = 100 * (counted - right.mean())
print("largest error between 0.05 and 1.5 points:", bool(0.05 < np.abs(errors).max() < 1.5))

# %%
figure, (ax,) = figures.subplots(height=2.6)
title = "How wrong is the precision?"
curve = {"error": (range(len(errors)), errors)}
x = "image at which the second pass begins"
plots.lines(ax, curve, title=title, x=x, y="error (percentage points)")
figures.show(figure, "A jagged line around zero, up to a few tenths of a point to either side.")

# %% [markdown]
# The error is tenths of a point here. With 112 of 10,000 images it is hundredths of a point. Not a disaster, but the
# tutorial prints three digits, and the third may be wrong. Counting each image once costs nothing but a smaller last
# batch.
#
# ## What is mistaken for what?
#
# A single number hides a lot. A *confusion matrix* has a row for each true class and a column for each answer. The
# diagonal holds the correct answers.

# %%
matrix = metrics.confusion_matrix(logits, labels)
print("it contains all images:", matrix.sum() == len(labels))
figure, (ax,) = figures.subplots(height=5)
evaluations.confusion(ax, matrix, dataset.classes)
figures.show(figure, "A ten by ten table of percentages, with a mostly darker diagonal.")

# %% [markdown]
# Read it by rows first: when a class is not recognized, what is it mistaken for? Then read it by columns: a column that
# is dark from top to bottom is a class that the network answers when in doubt, and after a run as short as ours there
# are some. On CIFAR-10 the best-known pairs are cat and dog, automobile and truck. As with people, it is look-alikes
# that get confused.
#
# ## Which classes are hard?

# %%
figure, (ax,) = figures.subplots(height=3.2)
evaluations.per_class_accuracy(ax, matrix, dataset.classes)
figures.show(
    figure, "One bar per class, with very different heights and error bars; a line for all classes."
)

# %%
count = int(matrix.sum(axis=1).min())
low, high = metrics.wilson_interval(count // 2, count)
print(f"{count} images of a class, half of them correct: from {low:.0%} to {high:.0%}")

# %% [markdown]
# The error bars are 95 % binomial intervals. With so few images per class they are wide, and two classes whose bars
# overlap may be equally hard. (The intervals are computed with Wilson's formula, which also works near 0 and 100 %.)
#
# ## The mistakes it was most sure of
#
# The softmax turns logits into probabilities. Wrong answers with a high probability are worth inspecting: they show
# what the network relies on, and sometimes they reveal a wrong label.

# %%
worst = metrics.most_confident_mistakes(logits, labels, 12)
figure, (ax,) = figures.subplots(height=3.8)
evaluations.misclassified(ax, images[worst], logits[worst], labels[worst], dataset.classes)
figures.show(figure, "Twelve images, each with the network's answer above, the true class below.")

# %% [markdown]
# Look for what they have in common. On the machine that made this page, most of them are automobiles in a street,
# mistaken for trucks, which have wheels, too. After so few steps, a network relies on large areas of color and on
# single parts. But even the mistakes that it is most sure of are not very sure.
#
# ## Your own image
#
# "How do I classify one image of my own?" was the question that users of the tutorial asked most. Its batch size was
# part of the graph, so the answer involved surgery. Here the network accepts any number of images. We paint one;
# replace the path with that of your own file.

# %%
from PIL import Image, ImageDraw

canvas = Image.new("RGB", (320, 240), "lightblue")
brush = ImageDraw.Draw(canvas)
brush.rectangle([0, 160, 320, 240], fill="steelblue")
brush.polygon([(50, 130), (270, 130), (235, 185), (85, 185)], fill="firebrick")
brush.rectangle([120, 90, 210, 130], fill="white")
brush.rectangle([150, 55, 175, 90], fill="black")
canvas.save(folder / "mine.png")

# %%
trained = classifier.load_classifier(config.train_dir)
picture = image_files.read_image(folder / "mine.png")
(predictions,) = classifier.classify(trained, picture[None], top_k=10)
print("read as", picture.shape, picture.dtype.name)
print(
    "probabilities sum to 1:",
    abs(sum(prediction.probability for prediction in predictions) - 1) < 1e-5,
)

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3)
evaluations.predictions(left_ax, right_ax, picture, predictions)
figures.show(figure, "A red ship on blue water, and the probability of each of the ten classes.")

# %% [markdown]
# `read_image` takes any file that Pillow can read, scales it to fill a square of 32 pixels, and keeps the center.
#
# Our network has been trained for only a few seconds, and on drawn images unless you have switched. cifarlab comes with
# weights that were trained on CIFAR-10 for half an hour on two cores, and with the record of that training. `cifarlab
# classify` uses them if you have no run of your own.

# %% tags=["result"]
from cifarlab.model import pretrained_weights

(predictions,) = classifier.classify(cifarlab.pretrained_classifier(), picture[None], top_k=1)
record = pretrained_weights.training_record()
print("the pretrained weights see:", predictions[0].name)
print(
    f"they are right on {record['precision_at_1']:.1%} of the test images of CIFAR-10's JPEG copy"
)

# %% [markdown]
# Two warnings. First, the network knows ten classes and nothing else: show it a flower, and it will answer one of the
# ten. Second, its probabilities are meant for images like those that it was trained on. On others it may be confidently
# wrong. From a terminal the command is `.venv/bin/cifarlab classify PICTURE --checkpoint-dir RUN`.
#
# ## An evaluator alongside the trainer
#
# Training takes hours, and you want to know how good the network is before it ends. So the tutorial runs its evaluator
# as a second program, which knows nothing about the first except its folder. Every five minutes it checks that folder,
# and evaluates the latest checkpoint. We start ours as a separate process, too, and let it watch our run's folder. The
# trainer is this notebook: it resumes the run, and takes 20 more steps.

# %%
import subprocess
import sys


def start(command, **settings):
    """Starts `cifarlab COMMAND` as a separate process whose output can be read."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return subprocess.Popen(
        [sys.executable, "-m", "cifarlab", command, *flags],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


# %%
# NBVAL_IGNORE_OUTPUT
at = {"checkpoint_dir": config.train_dir, "eval_dir": folder / "eval", "device": "cpu"}
watching = start("eval", eval_interval_secs=0.5, num_examples=500, **at)
found = next(watching.stdout)
print("evaluator:", found.strip())
try:
    longer = cifarlab.TrainConfig(max_steps=260, batch_size=16, **settings)
    state = cifarlab.train(longer, dataset=dataset)
    while "step 260," not in found:
        found = next(watching.stdout)
finally:
    watching.terminate()  # also if training fails, else it would wait for the checkpoint forever
print("evaluator:", found.strip())

# %%
print("steps of the trainer:", int(state.step))
print("the evaluator saw the last checkpoint:", "(step 260, averaged weights, 500 images" in found)
print("and wrote the result for TensorBoard:", any((folder / "eval").glob("events*")))

# %% [markdown]
# The two programs never communicate. A checkpoint only counts when it is complete, so the evaluator can never read half
# of one. And it skips a checkpoint that the trainer deletes in the meantime.
#
# **On a machine with one GPU** the tutorial has a warning at this point: TensorFlow takes all of a GPU's memory when it
# starts, so the second program dies. cifarlab lets TensorFlow take only what it needs, but the two programs would still
# compete for memory and time. There are three ways out. Let the evaluator run on the CPU, as `device=cpu` does above.
# Or pause the trainer while the evaluator works (lesson 4's `Control`). Or stop the trainer, evaluate with
# `--run-once`, and resume: nothing is lost.
#
# ## Recap
#
# - Precision @ 1 counts each image once. With 10,000 images you can tell 86 % from 84 %, but not from 85.5 %.
# - Averages remove the wandering from the weights. The warm-up makes them remember a ninth of the run, until they reach
#   the memory of the decay itself.
# - Classes, confusions and the most confident mistakes show what to improve. A second process evaluates while the first
#   one trains.
#
# **Try next:** evaluate the training images, `cifarlab.EvalConfig(eval_data="train_eval", ...)`, and compare. Or plot
# the confusion matrix of the raw weights, `state.network`.
#
# **Exercise:** [04_without_averages](../exercises/04_without_averages.ipynb). **Next lesson:**
# [06_multi_gpu](06_multi_gpu.ipynb), how it scales.
