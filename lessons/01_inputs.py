# %% [markdown]
# # 1. Inputs: what does the network really see?
#
# A network that learns to recognize images never sees the image that you see. It sees a square cut out of it, perhaps
# mirrored, with its contrast changed and its brightness removed, in a batch with 127 other images in random order. This
# lesson follows one image all the way from bytes in a file to a batch of numbers, and measures what each stage does and
# what it costs.
#
# **You need** Python, and to know what an array is. **You will be able to** read CIFAR-10's records byte by byte, show
# each distortion alone and all of them together, say which of them survive standardization (one does not), and choose
# the size of a shuffle queue by how well it mixes and how long it makes you wait.
#
# **Time**: 20 minutes to read and try, under a minute to run on two processor cores.
#
# We will take apart the tutorial's `inputs()` and `distorted_inputs()`, which have the same names here.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# Every lesson can run on two datasets. `drawn` contains images of ten classes that cifarlab generates, offline
# and in a few seconds. `cifar10` is the real dataset, and the one that the text is about. To switch, write `"cifar10"`
# in the cell above (a download of 170 MB), or start JupyterLab with the environment variable
# `CIFARLAB_DATASET=cifar10`.
#
# ## A record is 3,073 bytes
#
# CIFAR-10 does not come as image files. A *record* is a label followed by an image of 32 x 32 pixels, and a file is
# just one record after another, with no header and no separators. So there is nothing to parse, only to count: 1 + 3 x
# 32 x 32 bytes.

# %%
with open(dataset.train_files[0], "rb") as file:
    record = file.read(1 + 3 * 32 * 32)
print(f"{len(record):,} bytes; the first is {record[0]}: {dataset.classes[record[0]]}")

# %%
figure, (ax,) = figures.subplots(height=1.4)
record_plots.hex_dump(ax, record)
figures.show(
    figure,
    "The first byte is the label; 1,024 red bytes start at 1, green at 1,025, blue at 2,049.",
)

# %% [markdown]
# The pixels are not stored as red, green, blue, red, green, blue. All red values come first, row by row, then all green
# ones, then all blue ones: three *planes*. If you read them in the usual order, you see nine small, almost gray images,
# three per plane. This is the most common mistake with this format.

# %%
figure, axes = figures.subplots(1, 4, height=2.5)
record_plots.color_planes(axes, record, dataset.classes)
figures.show(
    figure,
    "The red, green and blue planes of one image, and the image that they form.",
    checksum=True,
)

# %% [markdown]
# **Before you continue:** three lines of numpy turn a record into an image of shape [32, 32, 3]. Which axes must
# `reshape` name, in which order, and what has to be moved afterwards?
#
# <details><summary>Answer</summary>
#
# The bytes are ordered by plane, row and column, so the first step is `reshape(3, 32, 32)`. Then the plane axis moves
# to the end. Reshaping directly to [32, 32, 3] gives the nine small images.
#
# </details>

# %%
image = np.frombuffer(record[1:], np.uint8).reshape(3, 32, 32).transpose(1, 2, 0)
expected, label = records.read_record(record)
print("our code and records.read_record agree:", np.array_equal(image, expected))

# %% [markdown]
# `records.read_records` does the same for a whole file at once. Here are twelve images of each class. They are small:
# if you cannot tell two classes apart at this size, the network will not find it easy either.

# %%
images, labels = records.read_records(dataset.train_files[0])
rows = {name: images[labels == number][:12] for number, name in enumerate(dataset.classes)}
figure, (ax,) = figures.subplots(height=6.4)
image_grids.image_grid(ax, rows)
figures.show(figure, "Twelve images of each of the ten classes, one row per class.", checksum=True)

# %% [markdown]
# Is the real CIFAR-10 on this machine? If so, the next cell shows some of its images next to the drawn ones. It
# downloads nothing.

# %%
# NBVAL_IGNORE_OUTPUT
local = [name for name in ("drawn", "cifar10") if registry.find_local(name)]
samples = {name: records.read_records(cifarlab.load(name).test_files[0])[0][:14] for name in local}
figure, (ax,) = figures.subplots(height=0.6 + 0.6 * len(local))
image_grids.image_grid(ax, samples)
figures.show(figure, f"Fourteen images of each dataset found on this machine: {', '.join(local)}.")

# %% [markdown]
# ## From 32 to 24 pixels
#
# The network sees 24 x 24 pixels. In evaluation this is the center of the image. In training the square is cut out at a
# random position, a different one each time the image is used. So the network rarely sees exactly the same crop twice,
# and has to learn what is in the image instead of where it is.
#
# **Predict:** how many different images can you get from one image by cropping and mirroring?
#
# <details><summary>Answer</summary>
#
# The upper left corner can be at 9 x 9 positions (0 to 8 in each direction), and each crop can be mirrored, so 162.
#
# </details>

# %%
one = images[:1]
many = np.repeat(one, 12, axis=0)
crops = distortions.random_crop(many, [SEED, 1]).numpy()
print("crops:", crops.shape, "- distinct:", len(np.unique(crops, axis=0)))

# %% [markdown]
# ## Each distortion alone, and all together
#
# A distortion in cifarlab is a function of a whole batch and a seed: `random_flip(images, seed)`. The seed makes it
# repeatable: the same seed gives the same distortions on every machine, no matter how many processes share the work.
# The ranges in the next cell are the tutorial's: brightness changes by up to 63 gray levels, contrast by a factor of
# 0.2 to 1.8.

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
    "One image, distorted twelve times: crop, mirror, brightness, contrast, all, and standardized.",
)

# %% [markdown]
# The last row is what the network gets. The tutorial calls it *approximately whitened*: from each image its mean is
# subtracted, and the result is divided by the image's standard deviation. (This is
# `tf.image.per_image_standardization`, formerly `per_image_whitening`, although true whitening would also decorrelate
# neighboring pixels.) To make the result visible, we stretch it back to gray levels.
#
# Try it: the sliders control what is random in training. Without a running kernel you see the image below them.

# %%
distortion_explorer.DistortionExplorer(one[0], crop_size=dataset.crop_size)

# %% [markdown]
# ## Which distortions survive standardization?
#
# **Predict** before you run the next cell: we make one copy of an image brighter by 40 gray levels, stretch the
# contrast of another copy by a factor of 1.5, and standardize both. How much will the network's input differ from that
# of the original image?

# %%
crop = tf.cast(distortions.central_crop(one), tf.float32)
mean_of_each_channel = tf.reduce_mean(crop, [1, 2], keepdims=True)
contrasted = (crop - mean_of_each_channel) * 1.5 + mean_of_each_channel
same = distortions.standardize(crop)


def change_of_input(image):
    """The largest difference between the standardized pixels of an image and of the original."""
    return float(np.abs(distortions.standardize(image) - same).max())


# %%
print(f"brighter by 40: {change_of_input(crop + 40):.2f}")
print(f"contrast times 1.5: {change_of_input(contrasted):.2f}")

# %% [markdown]
# Standardization subtracts the mean, so whatever was added to all pixels is gone. The tutorial's random brightness has
# no effect at all, and everyone who ever ran the tutorial computed it for nothing. You might expect the same of
# contrast, since the standard deviation is divided out. But `random_contrast` stretches each *channel* around that
# channel's own mean, while standardization divides all three channels by the same standard deviation. What remains is a
# change in the color balance:

# %%
mean_of_all = tf.reduce_mean(crop)
about_one_mean = (crop - mean_of_all) * 1.5 + mean_of_all
print(f"contrast around the mean of the whole image: {change_of_input(about_one_mean):.2f}")

# %%
factors, deltas = np.linspace(0.2, 1.8, 33), np.linspace(-63, 63, 33)
stretch = [(crop - mean_of_each_channel) * factor + mean_of_each_channel for factor in factors]
kept = [change_of_input(image) for image in stretch]
gone = [change_of_input(crop + delta) for delta in deltas]

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.8, sharey=True)
added, stretched = {"brightness": (deltas, gone)}, {"contrast": (factors, kept)}
change = "largest change in the input"
plots.lines(left_ax, added, title="Brightness: is anything left?", x="gray levels added", y=change)
plots.lines(right_ax, stretched, title="Contrast: is anything left?", x="factor", y=change)
figures.show(
    figure,
    "Left: a flat line at zero for every brightness. Right: a curve that is zero only at factor 1.",
)

# %% [markdown]
# ## A batch, as training gets it
#
# `distorted_inputs` puts everything together. The tutorial used 16 threads that filled a queue in memory while the
# network trained. Here it is a `tf.data` dataset, and you can simply take a batch from it. (A *queue* in TensorFlow 1
# was a node of the graph that was filled by background threads. Today `tf.data`'s shuffle buffer does that job.)

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
figures.show(figure, "48 standardized crops, many with odd colors and contrasts.")

# %% [markdown]
# ## The shuffle queue
#
# Records are stored in a file in some order. Training wants them in a different order in each epoch, but reading single
# records from all over a disk is slow. The compromise is a *queue*: read in order, keep several thousand records in
# memory, and draw each batch from those. The tutorial waits until 20,000 images, 40 % of an epoch of CIFAR-10, are in
# the queue before it takes the first step. Why not 200, less than 1 %?
#
# To see what the size does, we take the worst possible files, sorted by class, and look at which classes end up in each
# batch.

# %%
in_order = np.sort(np.concatenate([records.read_labels(f) for f in dataset.train_files]))


def classes_in_batches(fraction):
    """Counts the different classes in each batch of 128."""
    labels = tf.data.Dataset.from_tensor_slices(in_order)
    shuffled = labels.shuffle(int(fraction * len(in_order)), seed=SEED)
    return [len(np.unique(batch)) for batch in shuffled.batch(128, drop_remainder=True)]


# %%
fractions = (0.01, 0.1, 0.4, 1.0)
mixed = {f"{fraction:.0%} of an epoch": classes_in_batches(fraction) for fraction in fractions}
curves = {name: (range(len(values)), values) for name, values in mixed.items()}
figure, (ax,) = figures.subplots()
title = "How many classes are in a batch from a sorted file?"
plots.lines(ax, curves, title=title, x="batch", y="classes (of 10)")
figures.show(
    figure,
    "With 1 % of an epoch in the queue, a batch has one or two classes; with 10 %, two to seven; with "
    "40 %, four at first and ten only in the second half of the epoch; with 100 %, always ten.",
    checksum=True,
)

# %% [markdown]
# With a small queue, a batch contains one or two classes, and the network would forget the others at every step. Real
# files come in random order, so a smaller queue does less harm there. But it still draws its batches from the same few
# thousand neighbors in every epoch.
#
# What does a large queue cost? It has to be filled before the first batch. That is the pause that the tutorial
# announces with "This will take a few minutes". Let us measure it here.


# %%
def seconds_to_first_batch(fraction):
    """Measures the wait for the first batch, with this fraction of an epoch in the queue."""
    batches = pipeline.distorted_inputs(dataset, min_fraction_of_examples_in_queue=fraction)
    started = time.perf_counter()
    next(iter(batches))
    return time.perf_counter() - started


# %%
delays = {}
for fraction in fractions:
    attempts = [seconds_to_first_batch(fraction) for _ in range(3)]
    delays[f"{fraction:.0%}"] = 1000 * min(attempts)  # the least disturbed run


# %%
def images_per_second(calls, batches=40):
    """Measures the speed of the pipeline alone, with this many parallel calls."""
    stream = iter(pipeline.distorted_inputs(dataset, num_preprocess_threads=calls))
    next(stream)
    started = time.perf_counter()
    for _ in range(batches):
        next(stream)
    return 128 * batches / (time.perf_counter() - started)


# %%
speeds = {str(calls): images_per_second(calls) for calls in (1, 2, 4, 16)}
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.8)
plots.bars(
    left_ax,
    delays,
    title="How long until the first batch?",
    x="share of an epoch in the queue",
    y="ms",
)
title = "Do parallel calls help?"
plots.bars(right_ax, speeds, title=title, x="batches distorted in parallel", y="images/s")
figures.show(
    figure,
    "Left: the larger the queue, the longer the first batch takes. Right: images per second.",
)

# %% tags=["result"]
# NBVAL_IGNORE_OUTPUT
print(f"{max(speeds.values()):,.0f} images/s from the pipeline alone")

# %% [markdown]
# What took minutes in 2015 takes milliseconds now. Records are read in large blocks, and the queue holds them
# unprocessed, so only the batches that leave it have to be distorted, one whole batch at a time. (The drawn dataset is
# also only a fifth the size of CIFAR-10: 40 % of it is 4,000 records.) Parallel calls can speed this up at most by the
# number of processor cores. On two cores they make it about twice as fast if nothing else is running, and 16 calls are
# hardly faster than 4. What matters is the comparison with training, which processes about 1,200 to 2,400 images per
# second on two cores: the pipeline stays well ahead of it (`benchmarks/README.md` has the measurements).
#
# ## Recap
#
# - A record is a label and three planes. A file is records and nothing else.
# - Training sees random crops, mirrored and with altered contrast. Changes in brightness are gone after
#   standardization.
# - The queue trades waiting time and memory for better mixing. The pipeline is many times as fast as training requires.
#
# **Try next:** add the argument `distortions=()` to the call of `distorted_inputs` and look at the batch again. Or
# write your own distortion, a function `(images, seed) -> images`, and pass it.
#
# **Exercise:** [03_queue_fill](../exercises/03_queue_fill.ipynb). **Next lesson:**
# [02_inference_graph](02_inference_graph.ipynb), what is computed from these pixels.
