# %% [markdown]
# # 1. Inputs: what does the network really see?
#
# A network that learns pictures never meets the picture that you see. It meets a square cut out of it, perhaps
# mirrored, its contrast changed, its brightness taken away, in a batch of 128 strangers whose order was drawn by lot.
# This lesson follows one picture on that way, from bytes in a file to a batch of numbers, and measures what each
# station does and what it costs.
#
# **You need** Python, and to know what an array is. **You will be able to** read CIFAR-10's records byte by byte,
# show each distortion alone and all together, say which of them survive standardization (one does not), and choose a
# shuffle queue by what it mixes and how long it makes you wait.
#
# **Time**: 20 minutes to read and try, under a minute to run on two processor cores.
#
# The tutorial's `inputs()` and `distorted_inputs()` are what we take apart; both have the same names here.

# %%
import os
import time

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.backend import tf
from cifarlab.data import distortions, pipeline, records, registry
from cifarlab.demos import distortion_explorer, record_plots
from cifarlab.plotting import figures, image_grids, plots

SEED = 0
dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# Two data sets can stand behind every lesson. `drawn` holds ten classes of pictures that cifarlab draws by rule,
# offline and in a few seconds; `cifar10` is the real one, which is what the prose is about. To switch, write
# `"cifar10"` in the cell above (a download of 170 MB), or start JupyterLab with the variable
# `CIFARLAB_DATASET=cifar10`.
#
# ## A record is 3,073 bytes
#
# CIFAR-10 has no image files. A *record* is a label and a picture of 32 x 32 pixels one after the other, and a file
# is records one after the other, without header and without separators. So there is nothing to parse, only to count:
# 1 + 3 x 32 x 32 bytes.

# %%
with open(dataset.train_files[0], "rb") as file:
    record = file.read(1 + 3 * 32 * 32)
print(f"{len(record):,} bytes; the first is {record[0]}: {dataset.classes[record[0]]}")

# %%
figure, (ax,) = figures.subplots(height=1.4)
record_plots.hex_dump(ax, record)
figures.show(
    figure,
    "The first byte is the label; 1,024 red bytes follow from 1, green from 1,025, blue from 2,049.",
)

# %% [markdown]
# The pixels are not stored as red, green, blue, red, green, blue. All red values come first, row by row, then all
# green ones, then all blue ones: three *planes*. Whoever reads them in the usual order sees nine small, nearly grey
# pictures, three of each plane, which is the most frequent mistake with this format.

# %%
figure, axes = figures.subplots(1, 4, height=2.5)
record_plots.color_planes(axes, record, dataset.classes)
figures.show(
    figure,
    "The red, the green and the blue plane of one picture, and the picture that they make.",
    checksum=True,
)

# %% [markdown]
# **Before you go on:** three lines of numpy turn a record into an image of shape [32, 32, 3]. Which axes does
# `reshape` have to name, in which order, and what has to be moved afterwards?
#
# <details><summary>Answer</summary>
#
# The bytes lie as planes, rows, columns, so `reshape(3, 32, 32)`; the planes' axis then moves to the end. Reshaping
# to [32, 32, 3] at once gives the nine small ones.
#
# </details>

# %%
image = np.frombuffer(record[1:], np.uint8).reshape(3, 32, 32).transpose(1, 2, 0)
expected, label = records.read_record(record)
print("our three lines and records.read_record agree:", np.array_equal(image, expected))

# %% [markdown]
# `records.read_records` does the same for a whole file at once. Here are twelve pictures of each class. They are
# small: what you cannot tell apart at this size, the network will not find easy either.

# %%
images, labels = records.read_records(dataset.train_files[0])
rows = {name: images[labels == number][:12] for number, name in enumerate(dataset.classes)}
figure, (ax,) = figures.subplots(height=6.4)
image_grids.image_grid(ax, rows)
figures.show(
    figure, "Twelve pictures of each of the ten classes, a row for each class.", checksum=True
)

# %% [markdown]
# Are there real CIFAR-10 pictures on this machine? Then the next cell shows some beside drawn ones. It fetches
# nothing.

# %%
# NBVAL_IGNORE_OUTPUT
there = [name for name in ("drawn", "cifar10") if registry.find_local(name)]
samples = {name: records.read_records(cifarlab.load(name).test_files[0])[0][:14] for name in there}
figure, (ax,) = figures.subplots(height=0.6 + 0.6 * len(there))
image_grids.image_grid(ax, samples)
figures.show(figure, f"Fourteen pictures of each data set that is here: {', '.join(there)}.")

# %% [markdown]
# ## From 32 to 24 pixels
#
# The network sees 24 x 24 pixels. In evaluation they are the middle of the picture; in training the square is drawn
# by lot, anew each time that the picture comes up. So the network never sees quite the same picture twice in the same
# place, and has to learn what is in it instead of where.
#
# **Predict:** how many different pictures can come of one by cropping and mirroring?
#
# <details><summary>Answer</summary>
#
# The upper left corner can lie at 9 x 9 places (0 to 8 in each direction), and each crop can be mirrored: 162.
#
# </details>

# %%
one = images[:1]
many = np.repeat(one, 12, axis=0)
crops = distortions.random_crop(many, [SEED, 1]).numpy()
print("crops:", crops.shape, "- different ones:", len(np.unique(crops, axis=0)))

# %% [markdown]
# ## Each distortion alone, and all together
#
# A distortion in cifarlab is a function of a whole batch and a seed: `random_flip(images, seed)`. The seed makes it
# repeatable: the same seed draws the same distortions on every machine, however many processes share the work. The
# numbers in the next cell are the tutorial's: brightness moves by up to 63 grey levels, contrast by a factor of 0.2
# to 1.8.

# %%
draw = [SEED, 7]
alone = {
    "crop": distortions.random_crop(many, draw),
    "mirror": distortions.random_flip(many, draw)[:, 4:28, 4:28],
    "brightness": distortions.random_brightness(many, draw)[:, 4:28, 4:28],
    "contrast": distortions.random_contrast(many, draw)[:, 4:28, 4:28],
}

# %%
together = alone["crop"]
for distortion in distortions.TUTORIAL_DISTORTIONS:
    together = distortion(together, draw)
seen = image_grids.rescale_to_255(distortions.standardize(together))
figure, (ax,) = figures.subplots(height=4.2)
image_grids.image_grid(ax, {**alone, "all of them": together, "standardized": seen})
figures.show(
    figure,
    "One picture in twelve draws: crop, mirror, brightness and contrast alone, all, and standardized.",
)

# %% [markdown]
# The last row is what the network gets. The tutorial calls it *approximately whitened*; each image has its mean taken
# away and is divided by its standard deviation. (That is `tf.image.per_image_standardization`, once called
# `per_image_whitening`, though true whitening would also make neighbouring pixels independent.) For your eyes we
# stretch the result back to grey levels.
#
# Try it: the sliders move what the lot decides in training. Without a running kernel you see the picture below them.

# %%
distortion_explorer.DistortionExplorer(one[0], crop_size=dataset.crop_size)

# %% [markdown]
# ## Which distortions survive standardization?
#
# **Predict** before you run the next cell: we make one picture brighter by 40 grey levels, and stretch the contrast
# of another copy by 1.5, and standardize both. By how much will the network's input differ from that of the untouched
# picture?

# %%
crop = tf.cast(distortions.central_crop(one), tf.float32)
mean_of_each_channel = tf.reduce_mean(crop, [1, 2], keepdims=True)
contrasted = (crop - mean_of_each_channel) * 1.5 + mean_of_each_channel
same = distortions.standardize(crop)


def change_of_input(picture):
    """The largest difference of a standardized pixel from that of the untouched picture."""
    return float(np.abs(distortions.standardize(picture) - same).max())


# %%
print(f"brighter by 40: {change_of_input(crop + 40):.2f}")
print(f"contrast times 1.5: {change_of_input(contrasted):.2f}")

# %% [markdown]
# Standardization takes the mean away, so whatever was added to all pixels is gone: the tutorial's random brightness
# changes nothing at all, and has been computed in vain by everybody who ever ran it. One would expect the same of
# contrast, since the deviation is divided out. But `random_contrast` stretches each *channel* about that channel's
# own mean, while standardization divides by one deviation for all three. What stays is the balance of the colours:

# %%
mean_of_all = tf.reduce_mean(crop)
about_one_mean = (crop - mean_of_all) * 1.5 + mean_of_all
print(f"contrast about the mean of the whole picture: {change_of_input(about_one_mean):.2f}")

# %%
factors, deltas = np.linspace(0.2, 1.8, 33), np.linspace(-63, 63, 33)
stretch = [(crop - mean_of_each_channel) * factor + mean_of_each_channel for factor in factors]
kept = [change_of_input(picture) for picture in stretch]
gone = [change_of_input(crop + delta) for delta in deltas]

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.8, sharey=True)
added, stretched = {"brightness": (deltas, gone)}, {"contrast": (factors, kept)}
change = "largest change of the input"
plots.lines(left_ax, added, title="Brightness: is anything left?", x="grey levels added", y=change)
plots.lines(right_ax, stretched, title="Contrast: is anything left?", x="factor", y=change)
figures.show(
    figure,
    "Left a flat line at zero for every brightness; right a curve that is zero at factor 1 alone.",
)

# %% [markdown]
# ## A batch, as training gets it
#
# `distorted_inputs` puts it all together. The tutorial used 16 threads that filled a queue in memory while the
# network trained; here it is a `tf.data` dataset, which one can simply take a batch from. (A *queue* of TensorFlow 1
# was a node of the graph that threads filled beside it. `tf.data`'s shuffle buffer does that work today.)

# %%
batches = pipeline.distorted_inputs(dataset, batch_size=128, seed=SEED)
batch, batch_labels = next(iter(batches))
print(batch.shape, batch.dtype.name, batch_labels.shape, batch_labels.dtype.name)
print("mean of every image is 0:", bool(np.abs(np.mean(batch, (1, 2, 3))).max() < 1e-5))
print("deviation of every image is 1:", bool(np.abs(np.std(batch, (1, 2, 3)) - 1).max() < 1e-3))

# %%
crops = image_grids.rescale_to_255(batch[:48]).reshape(4, 12, 24, 24, 3)
figure, (ax,) = figures.subplots(height=2.8)
image_grids.image_grid(ax, crops)
figures.show(figure, "48 standardized crops, many with strange colours and contrasts.")

# %% [markdown]
# ## The shuffle queue
#
# Records lie in the file in some order. Training wants them in another one each epoch, but reading single records
# from all over a disk is slow. The compromise is a *queue*: read in order, keep some thousand records in memory, and
# draw each batch from those. The tutorial waits until 20,000 images, 40 % of an epoch of CIFAR-10, are there before
# the first step; why not 200, less than 1 %?
#
# To see what the size does we take the worst files there can be, sorted by class, and look which classes a batch
# holds.

# %%
in_order = np.sort(np.concatenate([records.read_labels(f) for f in dataset.train_files]))


def classes_in_batches(fraction):
    """How many different classes each batch of 128 holds."""
    labels = tf.data.Dataset.from_tensor_slices(in_order)
    shuffled = labels.shuffle(int(fraction * len(in_order)), seed=SEED)
    return [len(np.unique(batch)) for batch in shuffled.batch(128, drop_remainder=True)]


# %%
fractions = (0.01, 0.1, 0.4, 1.0)
mixed = {f"{fraction:.0%} of an epoch": classes_in_batches(fraction) for fraction in fractions}
curves = {name: (range(len(values)), values) for name, values in mixed.items()}
figure, (ax,) = figures.subplots()
title = "How many classes does a batch of a sorted file hold?"
plots.lines(ax, curves, title=title, x="batch", y="classes of 10")
figures.show(
    figure,
    "With 1 % of an epoch in the queue a batch holds one or two classes, with 10 % two to seven; with "
    "40 % four at first, ten only in the second half of the epoch; with 100 % always ten.",
    checksum=True,
)

# %% [markdown]
# With a small queue a batch holds one or two classes, and the network would unlearn the others at every step. Real
# files come in random order, so a smaller queue does less harm there; but it then draws its batches from the same few
# thousand neighbours in every epoch.
#
# What does a large queue cost? It has to be filled before the first batch: that is the pause that the tutorial
# announces as "This will take a few minutes". Let us measure it here.


# %%
def seconds_to_first_batch(fraction):
    """How long the first batch takes when so much of an epoch has to be in the queue."""
    batches = pipeline.distorted_inputs(dataset, min_fraction_of_examples_in_queue=fraction)
    started = time.perf_counter()
    next(iter(batches))
    return time.perf_counter() - started


# %%
delays = {}
for fraction in fractions:
    attempts = [seconds_to_first_batch(fraction) for _ in range(3)]
    delays[f"{fraction:.0%}"] = 1000 * min(attempts)  # the least disturbed one


# %%
def images_per_second(calls, batches=40):
    """How fast the pipeline alone delivers, with so many batches distorted in parallel."""
    stream = iter(pipeline.distorted_inputs(dataset, num_preprocess_threads=calls))
    next(stream)
    started = time.perf_counter()
    for _ in range(batches):
        next(stream)
    return 128 * batches / (time.perf_counter() - started)


# %%
speeds = {str(calls): images_per_second(calls) for calls in (1, 2, 4, 16)}
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.8)
plots.bars(left_ax, delays, title="How long until the first batch?", x="in the queue", y="ms")
title = "What do parallel calls bring?"
plots.bars(right_ax, speeds, title=title, x="batches distorted at once", y="images/s")
figures.show(
    figure,
    "Left: the fuller the queue must be, the longer the first batch takes. Right: images per second.",
)

# %% tags=["result"]
# NBVAL_IGNORE_OUTPUT
print(f"{max(speeds.values()):,.0f} images/s from the pipeline alone")

# %% [markdown]
# Minutes in 2015 are milliseconds now: the records are read in large blocks, and the queue holds records as they are,
# so that only the batches which leave it have to be distorted, each as a whole. (The drawn data set is also a fifth
# of CIFAR-10: 40 % of it are 4,000 records.) Parallel calls bring at most what the processor has cores: on two, about
# twice as much when nothing else runs, and 16 of them hardly more than 4. What matters is how much faster this is
# than training, which takes some 1,200 to 2,400 images a second on two cores: the pipeline keeps well ahead of it
# (`benchmarks/README.md` has the measurements).
#
# ## Recap
#
# - A record is a label and three planes; a file is records and nothing else.
# - Training sees random crops, mirrored and with other contrasts; brightness is gone after standardization.
# - The queue trades waiting and memory for mixing; the pipeline is many times as fast as training needs.
#
# **Try next:** put a line `distortions=()` into the call of `distorted_inputs` and look at the batch again; or write
# a distortion of your own, a function `(images, seed) -> images`, and pass it.
#
# **Exercise:** [03_queue_fill](../exercises/03_queue_fill.ipynb). **Next lesson:**
# [02_inference_graph](02_inference_graph.ipynb), what is computed from these pixels.
