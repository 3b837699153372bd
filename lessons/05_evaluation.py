# %% [markdown]
# # 5. Evaluation: how good is it, and why do averages help?
#
# A falling loss says that a network learns, not that it is any good. For that it has to name pictures that it never
# trained on, and one has to count carefully. The tutorial does this in a program of its own, beside the trainer, and
# with other weights than those that are trained: their moving averages. This lesson counts, looks at what goes wrong,
# and finds out what the averages are worth.
#
# **You need** to know what lesson 4 says of runs and checkpoints. **You will be able to** state a precision with its
# uncertainty, say what a decay of 0.9999 means and what the warm-up is for, read a confusion matrix, classify a picture
# of your own, and run an evaluator beside a trainer.
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
from cifarlab.demos import weight_averages
from cifarlab.evaluation import classifier, evaluator, metrics
from cifarlab.plotting import evaluations, figures, image_grids, plots

dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
folder = Path(tempfile.mkdtemp())  # for this lesson's run
print(f"Data: {dataset.name}, {dataset.num_examples('test'):,} test pictures, seed 0")

# %% [markdown]
# ## What a moving average of the weights is
#
# Gradient descent on batches never comes to rest. Each batch pulls the weights its own way, so they wander about the
# place where they would like to be. An average over many steps lies nearer to the middle of that wandering. The
# tutorial keeps one for each weight, and after each update moves it by a small part of the way to the new value:
#
# `average = decay * average + (1 - decay) * weight`
#
# A decay of 0.99 forgets one percent a step, so the average remembers about 1 / (1 - 0.99) = 100 steps. The
# tutorial's decay is 0.9999, a memory of 10,000 steps. From the first step on that would be a bad average: after
# 1,000 steps it would still consist of initial, random weights for the most part. Hence the *warm-up*. The decay that
# is used at a step is `min(decay, (1 + step) / (10 + step))`.
#
# **Predict:** for how many steps does the warm-up keep the decay below 0.9, 0.99, 0.999 and 0.9999? Over how many
# steps does the average remember in the middle of it, at step 890, say?
#
# <details><summary>Answer</summary>
#
# 80, 890, 8,990 and 89,990 steps, as the next cell finds. Under the warm-up 1 / (1 - decay) is (10 + step) / 9, so
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
    "Four curves rise together along a line, a ninth of the step; one after the other leaves it and "
    "stays at 10, 100, 1,000 and 10,000 steps.",
    checksum=True,
)

# %% [markdown]
# Even the tutorial's run of 60,000 steps ends within the warm-up of its 0.9999. In a run of 240 steps, 0.99, 0.999
# and 0.9999 are one and the same average: not nearly the same, but the same numbers in every step.
#
# ## A short run, and what each average is worth along it
#
# We train with batches of 32, which wander more than 128 would, and give the run an observer that keeps four further
# averages, with the four decays *from the first step on*, without a warm-up. Every 60 steps it counts how many of 400
# test pictures each set of weights gets right.
#
# **Predict:** which of the four is best after 240 steps, and which is hopeless?

# %%
decays = {f"decay {decay}": weight_averages.constant_decay(decay) for decay in DECAYS}
sample = pipeline.inputs(dataset, batch_size=200, num_examples=400)
averages = weight_averages.WeightAverages(decays, sample, every=60)
settings = {"dataset": dataset.name, "train_dir": str(folder / "run"), "log_frequency": 1}
config = cifarlab.TrainConfig(max_steps=240, batch_size=32, **settings)
state = cifarlab.train(config, dataset=dataset, observers=[averages])

# %%
percent = {name: 100 * np.array(values) for name, values in averages.precision.items()}
curves = {name: (averages.steps, values) for name, values in percent.items()}
ours = {name: curves[name] for name in (weight_averages.RAW, weight_averages.AVERAGED)}
others = {name: curves[name] for name in decays}
right_answers = "right, of 400 test pictures (%)"

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3.2, sharey=True)
plots.lines(left_ax, ours, title="What do averages bring?", x="step", y=right_answers)
plots.lines(right_ax, others, title="And without a warm-up?", x="step", y="")
right_ax.legend(ncols=2, frameon=False, fontsize=9, loc="upper left")
left_ax.set_ylim(0, 70)
figures.show(
    figure,
    "Left: precision rises with both, but with averaged weights it lies several points higher. "
    "Right: decays of 0.9 and 0.99 rise, 0.999 lags behind, 0.9999 stays near chance.",
)

# %%
print("averaged at least as good as raw, on the mean:",
      bool(percent[weight_averages.AVERAGED][1:].mean() > percent[weight_averages.RAW][1:].mean()))  # fmt: skip
print("0.9999 without warm-up below 20 % at the end:", bool(percent["decay 0.9999"][-1] < 20))
for decay in DECAYS:
    print(f"without warm-up {decay**240:.0%} of the initial weights are left in decay {decay}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# After 240 steps the average with decay d still holds d to the power of 240 of the initial weights; the shares are
# printed above. With 0.9999 it has hardly left its random start, and 0.999 lags behind with most of it. The best is
# 0.9 or 0.99: a longer memory is smoother, and further behind, so which of the two leads may differ from run to run.
#
# </details>
#
# At nearly every look the averaged weights are ahead, with the same training and the same pictures: what the raw ones
# lack is not knowledge but rest. And averages cost little: no further gradient, one multiplication a weight and step.
#
# ## What hours bring
#
# Our run is over before the network has learned much. This is the tutorial's own recipe on CIFAR-10, recorded once:
# 60,000 steps with batches of 128. The file says on which machine and with which settings.

# %%
import json

lines = Path("../benchmarks/results/tutorial.jsonl").read_text().splitlines()
about, *recorded = map(json.loads, lines)
last = recorded[-1]
print(about["machine"].split(", Python")[0])
print(f"{last['step']:,} steps in {last['minutes']:.0f} minutes")
for weights in ("averaged", "raw"):
    print(f"{weights}: {last[weights]['precision_at_1']:.1%} of 10,000 test pictures")

# %%
steps = [line["step"] for line in recorded]
curves = {
    name: (steps, [100 * line[key]["precision_at_1"] for line in recorded])
    for name, key in (("raw weights", "raw"), ("averaged weights", "averaged"))
}
figure, (ax,) = figures.subplots(height=3.2)
title = "What do hours bring, and what do averages?"
plots.lines(ax, curves, title=title, x="step", y="right, of 10,000 test pictures (%)")
figures.show(
    figure,
    "Over 60,000 steps the averaged weights rise smoothly to 82 %; the raw ones stay 2 to 6 points "
    "below, in zigzag.",
    checksum=True,
)

# %%
gains = [line["averaged"]["precision_at_1"] - line["raw"]["precision_at_1"] for line in recorded]
print(f"averages bring {100 * min(gains):.1f} to {100 * max(gains):.1f} points")

# %% [markdown]
# The tutorial's exercise says that evaluation without averages is about 3 % lower. Here it is 1.9 to 6.4 points along
# the run, and 3.7 at its end. Its headline of about 86 % was reached on the official pictures; this record was made
# on a JPEG copy of them, on two processor cores, and gets to 82.3 %.
#
# ## Precision @ 1, exactly
#
# *Precision @ 1* is the share of pictures whose largest logit is that of the right class. (Others call it top-1
# accuracy.) So one has to look at each test picture once. `pipeline.inputs` gives them in the file's order, cropped
# centrally and not distorted, in batches whose last one is smaller.

# %%
test_images = cifarlab.inputs(dataset, batch_size=500)
logits, labels = evaluator.logits_and_labels(state.averages, test_images)
right = logits.argmax(axis=1) == labels
in_file = np.concatenate([records.read_labels(file) for file in dataset.test_files])
print(f"{len(labels):,} pictures; each exactly once, in order:", np.array_equal(labels, in_file))
print("above 30 %:", bool(right.mean() > 0.3))

# %% [markdown]
# The same in one call, from the run's folder. It restores the newest checkpoint and takes the averaged weights unless
# told otherwise. (In TensorFlow 1 the evaluator restored the averages *into* the weights' own variables, by a table
# of names. Here they are a second network, and nothing is swapped.)

# %%
evaluation = cifarlab.evaluate(cifarlab.EvalConfig(checkpoint_dir=config.train_dir))
same = abs(evaluation.precision - right.mean()) < 0.001
print("step", evaluation.step, "- the same precision:", bool(same))

# %% [markdown]
# How sure can one be of such a figure? Other pictures of the same kind would have given another. When n pictures are
# each right with probability p, their share has a standard deviation of sqrt(p (1 - p) / n), that of a binomial
# distribution, and 95 % of such shares lie within about two of them.
#
# **Predict:** two networks reach 86.0 % and 85.5 % on the same 10,000 pictures. Is the first better?

# %%
low, high = metrics.wilson_interval(8600, 10_000)
print(f"8,600 of 10,000: between {low:.1%} and {high:.1%}")
low, high = metrics.wilson_interval(int(right.sum()), len(right))
print("our interval reaches less than 2.5 points to either side:", bool(high - low < 0.05))

# %% [markdown]
# <details><summary>Answer</summary>
#
# It cannot be told from these numbers: each lies within the other's interval. (On the same pictures one can look
# closer, at those on which the two disagree.)
#
# </details>
#
# ## The tutorial counted 112 pictures twice
#
# Its evaluation knows only whole batches. How many of them does it take for 10,000 pictures?

# %%
batches = math.ceil(10_000 / 128)
print(f"{batches} batches of 128 are {batches * 128:,} pictures")
print(f"counted twice: {batches * 128 - 10_000}")

# %% [markdown]
# The queue goes round, so after the last picture come the first ones again, and the sum is divided by 10,112. On the
# drawn test set of 2,000 pictures the same arithmetic gives 48. Here are the pictures that would have counted twice:

# %%
twice = -len(right) % 128
images = np.concatenate([records.read_records(file)[0] for file in dataset.test_files])
figure, (ax,) = figures.subplots(height=0.3 + 0.5 * math.ceil(twice / 16))
image_grids.image_grid(
    ax, [images[first : min(first + 16, twice)] for first in range(0, twice, 16)]
)
figures.show(figure, f"The {twice} test pictures that would have counted twice.", checksum=True)

# %% [markdown]
# Does it matter? If they were a fair sample, it would not. But so few pictures are easier or harder than the rest by
# chance. In the tutorial each evaluation has a session and so a queue of its own, which begins at the start of the
# file: it is about the first 112 that count twice, every time. In a file in another order it would be others, so let
# us try each place where the second round could begin.

# %%
around = np.concatenate([right, right[:twice]])
again = [around[first : first + twice].sum() for first in range(len(right))]
counted = (right.sum() + np.array(again)) / (len(right) + twice)
errors = 100 * (counted - right.mean())
print("largest error between 0.05 and 1.5 points:", bool(0.05 < np.abs(errors).max() < 1.5))

# %%
figure, (ax,) = figures.subplots(height=2.6)
title = "By how much is the precision wrong?"
curve = {"error": (range(len(errors)), errors)}
x = "picture with which the second round begins"
plots.lines(ax, curve, title=title, x=x, y="error (percent points)")
figures.show(figure, "A jagged line about zero that reaches some tenths of a point to either side.")

# %% [markdown]
# Tenths of a point here; with 112 pictures among 10,000 it is some hundredths. No disaster, but the tutorial prints
# three digits, and the third may be wrong. Counting each picture once costs a smaller last batch and nothing else.
#
# ## What is taken for what?
#
# One number hides a lot. A *confusion matrix* has a row for each true class and a column for each answer; the
# diagonal is what was right.

# %%
matrix = metrics.confusion_matrix(logits, labels)
print("all pictures are in it:", matrix.sum() == len(labels))
figure, (ax,) = figures.subplots(height=5)
evaluations.confusion(ax, matrix, dataset.classes)
figures.show(
    figure, "A ten by ten table of percentages, its diagonal darker than most of the rest."
)

# %% [markdown]
# Read it by rows: where does a class go that is not recognized? Then by columns: a column that is dark from top to
# bottom is a class that the network names when in doubt, and after a run as short as ours there are some. On
# CIFAR-10 the best known pairs are cat and dog, automobile and truck: as with people, what looks alike.
#
# ## Which classes are hard?

# %%
figure, (ax,) = figures.subplots(height=3.2)
evaluations.per_class_accuracy(ax, matrix, dataset.classes)
figures.show(
    figure, "A bar for each class, of very different heights, with error bars; a line for all."
)

# %%
count = int(matrix.sum(axis=1).min())
low, high = metrics.wilson_interval(count // 2, count)
print(f"{count} pictures of a class, half of them right: from {low:.0%} to {high:.0%}")

# %% [markdown]
# The error bars are 95 % binomial intervals. With so few pictures of a class they are wide, and two classes whose
# bars overlap may be equally hard. (The bars come from Wilson's formula, which also holds near 0 and 100 %.)
#
# ## The mistakes it was surest of
#
# The softmax turns logits into probabilities. Wrong answers with a high one are worth a look: they show what the
# network goes by, and sometimes a label that is wrong.

# %%
worst = metrics.most_confident_mistakes(logits, labels, 12)
figure, (ax,) = figures.subplots(height=3.8)
evaluations.misclassified(ax, images[worst], logits[worst], labels[worst], dataset.classes)
figures.show(figure, "Twelve pictures, above each what it was taken for, below what it is.")

# %% [markdown]
# Look for what they have in common. On the machine that made this page, most of them are birds before a bright sky,
# taken for airplanes, and trucks taken for automobiles, which also stand on wheels. A network that has trained so
# little goes by large areas of colour and by single parts. But even its surest mistakes are not very sure.
#
# ## A picture of your own
#
# "How do I classify one picture of mine?" is what users of the tutorial asked most. Its batch size was part of the
# graph, so the answer was surgery. Here the network takes any number of pictures. We paint one; put the path of a
# file of yours in its place.

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
# `read_image` takes any file that Pillow reads, scales it so that it fills a square of 32 pixels and keeps its
# middle.
#
# Our network has trained for seconds, and on drawn pictures if you have not switched. cifarlab brings weights that
# were trained on CIFAR-10 for half an hour on two cores, and the record of how. `cifarlab classify` takes them when
# there is no run of yours.

# %% tags=["result"]
from cifarlab.model import pretrained_weights

(predictions,) = classifier.classify(cifarlab.pretrained_classifier(), picture[None], top_k=1)
record = pretrained_weights.training_record()
print("the shipped weights see:", predictions[0].name)
print(
    f"they were right on {record['precision_at_1']:.1%} of the test pictures of CIFAR-10's JPEG copy"
)

# %% [markdown]
# Two warnings. The network knows ten classes and nothing else: show it a flower, and it will name one of the
# ten. And its probabilities are about pictures like those that it was trained on; on others it may be sure and wrong.
# From a terminal it is `.venv/bin/cifarlab classify PICTURE --checkpoint-dir RUN`.
#
# ## An evaluator beside the trainer
#
# Training takes hours, and one wants to know how good it is before it ends. So the tutorial runs its evaluator as a
# second program, which knows nothing of the first but its folder. It looks there every five minutes, and evaluates
# the newest checkpoint. We start both on our run, the trainer for 20 more steps.

# %%
import subprocess
import sys


def start(command, **settings):
    """Runs `cifarlab COMMAND` as a process of its own, whose lines can be read."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return subprocess.Popen(
        [sys.executable, "-m", "cifarlab", command, *flags],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


# %%
# NBVAL_IGNORE_OUTPUT
at = {"checkpoint_dir": config.train_dir, "eval_dir": folder / "eval", "device": "cpu"}
watching = start("eval", eval_interval_secs=0.5, num_examples=500, **at)
trainer = start("train", max_steps=260, batch_size=32, **settings)
said = trainer.communicate()[0].splitlines()
if trainer.returncode:
    watching.terminate()  # it would wait for the checkpoint without end
found = next(line for line in watching.stdout if "step 260," in line)
watching.terminate()
print("trainer:", next(line for line in said if "step 259," in line))
print("evaluator:", found.strip())

# %%
print("trainer's exit status:", trainer.returncode)
print("the evaluator saw its last checkpoint:", "(step 260, averaged weights, 500 images" in found)
print("and wrote it for TensorBoard:", len(list((folder / "eval").glob("events*"))) == 1)

# %% [markdown]
# The two never speak to each other. A checkpoint counts only when it is whole, so the evaluator cannot meet half of
# one; and one that the trainer removes meanwhile is passed over.
#
# **On a machine with one GPU** this is where the tutorial warns: TensorFlow takes all of a GPU's memory when it
# starts, so the second program dies. cifarlab lets it take only what it needs, but the two would still share memory
# and time. So either let the evaluator use the processor, as `device=cpu` does above, or pause the trainer while it
# works (lesson 4's `Control`), or stop it, evaluate with `--run-once`, and go on: nothing is lost.
#
# ## Recap
#
# - Precision @ 1 counts each picture once; 10,000 pictures tell 86 % from 84 %, but not from 85.5 %.
# - Averages take the wandering out of the weights; the warm-up lets them remember a ninth of the run until the decay's
#   own memory is reached.
# - Classes, confusions and the surest mistakes say what to improve; a second process evaluates while the first trains.
#
# **Try next:** evaluate the training pictures, `cifarlab.EvalConfig(eval_data="train_eval", ...)`, and compare; or
# draw the confusion matrix of the raw weights, `state.network`.
#
# **Exercise:** [04_without_averages](../exercises/04_without_averages.ipynb). **Next lesson:**
# [06_multi_gpu](06_multi_gpu.ipynb), how it scales.
