# %% [markdown]
# # Exercise 3. Queue fill: how small may the shuffle queue be?
#
# The tutorial says: *it is sometimes annoying that the first training step can take so long. Try decreasing the number
# of images that initially fill up the queue. Search for `min_fraction_of_examples_in_queue`.* You will do that, and
# find out what it costs. First, you turn "mixes well enough" into a number. Then you build the queue and find the
# smallest fraction that is enough, both for a file that is sorted by class, where the fraction matters, and for other
# files. Finally, you compute what a fuller queue costs in memory and in waiting time, and compare the result with the
# real pipeline fed by a slow source.
#
# **Continues** lesson 1, inputs. **Time**: 60 minutes. **Difficulty**: 2 of 3.
#
# **Hand in** this notebook, with five functions written and one question answered. **Points**: 15.
#
# | task | points |
# | --- | ---: |
# | 1. `unevenness` | 3 |
# | 2. `shuffled` | 4 |
# | 3. `smallest_fraction` | 2 |
# | 4. `queue_megabytes` | 2 |
# | 5. `first_batch_delay` | 2 |
# | 6. how small it may be, in two sentences | 2 |
#
# Below each task, a check tells you at once whether your answer is correct and, if not, what was expected, what your
# code returned and the likely cause. (The last task is a question that you answer in words.) The checks use the same
# numbers every time. When your notebook is graded, some of them run again with different numbers.

# %%
import os
import pathlib
import tempfile
import time

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.data import pipeline, records
from cifarlab.plotting import figures, plots

SEED, BATCH = 0, 128
dataset = cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## 1. A measure of mixing
#
# To say that one queue mixes better than another, we need a number. Let $p_c$ be the share of class $c$ in a batch, and
# $q_c$ its share in the whole epoch. Then $\frac{1}{2} \sum_c |p_c - q_c|$ is called the *total variation distance*. It
# tells you which part of the batch you would have to exchange to give it the same class shares as the whole epoch. It
# is 0 if the batch has the same mix of classes as the epoch, and 0.9 if the batch contains only one class out of ten
# equally frequent ones.
#
# **The unevenness of an epoch is the mean of this distance over its batches**: the first `batch_size` labels, the next
# `batch_size`, and so on. If the last labels do not fill a batch, they do not count as one, but they do belong to the
# epoch and count in $q_c$. An example, in batches of two: the labels 0, 0, 1, 1 have the unevenness 0.5, and the labels
# 0, 1, 1, 0 have the unevenness 0.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.bincount(labels, minlength=n)` counts how often each number from 0 to n - 1 occurs. It returns 0 for those that do
# not occur.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Compute the shares $q_c$ once. Then loop over the batches, compute the shares $p_c$ of each over the same classes, and
# store its distance. At the end, take the mean.
#
# </details>


# %% nbgrader={"grade_id": "unevenness", "solution": true}
def unevenness(labels: np.ndarray, batch_size: int) -> float:
    """Returns the mean total variation distance between an epoch's full batches and the epoch.

    Args:
        labels: int32[N], 0 to 9, in the order in which they are delivered.
        batch_size: labels per batch, at most N.

    Returns:
        A number from 0 to 1.
    """
    ### BEGIN SOLUTION
    classes, whole = np.arange(labels.max() + 1), len(labels) // batch_size * batch_size
    batches = labels[:whole].reshape(-1, batch_size, 1)
    differences = np.mean(batches == classes, axis=1) - np.mean(labels[:, None] == classes, axis=0)
    return float(np.mean(0.5 * np.abs(differences).sum(axis=1)))
    ### END SOLUTION


# %% nbgrader={"grade_id": "unevenness-check", "grade": true, "locked": true, "points": 2}
teaching.check_unevenness(unevenness)

# %% nbgrader={"grade_id": "unevenness-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_unevenness(unevenness, key="public")
### END HIDDEN TESTS

# %% [markdown]
# **Predict**, before you run the next cell: if an epoch was shuffled perfectly, what is its unevenness in batches of
# 128? Is it 0?
#
# <details><summary>Answer</summary>
#
# No. A batch is a random sample. Of each of the ten classes, it gets 12.8 records on average, but by chance a few more
# or fewer (the standard deviation is 3.4). So in each batch, about a tenth of the records are "wrong".
#
# </details>

# %%
labels = np.concatenate([records.read_labels(file) for file in dataset.train_files])
in_order = np.sort(labels)
perfect = unevenness(np.random.default_rng(SEED).permutation(labels), BATCH)
enough = 1.25 * perfect
print(f"sorted by class: {unevenness(in_order, BATCH):.2f}")
print(f"shuffled perfectly: {perfect:.2f}; mixed well enough: at most {enough:.2f}")

# %% [markdown]
# So "well enough" cannot mean 0. In this exercise, it means **an unevenness of at most 1.25 times that of a perfect
# shuffle**, that is, at most a quarter above it. The variable `enough` holds this limit.
#
# ## 2. The queue
#
# Now the queue itself, in plain Python. (In TensorFlow 1, a queue was a node of the graph that threads kept filled.
# Today, its place is taken by the buffer of `tf.data`'s `shuffle`, which works as follows.)
#
# 1. The queue reads the first `capacity` records of the file, or all of them if there are fewer.
# 2. It draws one of the records that it holds, each with the same probability, and delivers it. The next record of the
#    file takes the free slot. This repeats until the end of the file.
# 3. It continues to draw from the remaining records until the queue is empty.
#
# So each record is delivered exactly once. The draws depend only on the seed: the same seed gives the same order, and a
# different seed gives a different order.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.random.default_rng(seed)` creates a generator, and its method `integers(n)` draws from 0 to n - 1. (Its method
# `choice` would copy the whole queue for each draw.) How often should you create the generator?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Keep two lists: what is in the queue, and what has been delivered. Loop over the rest of the file. Draw a slot,
# deliver the record in it, and put the next record from the file into this slot. Then handle the records that are left
# in the queue: in which order may they leave?
#
# </details>


# %% nbgrader={"grade_id": "shuffled", "solution": true}
def shuffled(in_file: np.ndarray, capacity: int, seed: int) -> np.ndarray:
    """Returns records in the order in which a shuffle queue delivers them.

    Args:
        in_file: int[N], one number per record, such as its label, in file order; do not change this array.
        capacity: the number of records that the queue can hold, 1 or more; may be more than N.
        seed: the seed of the draws.

    Returns:
        int[N], the numbers of `in_file` in the order of delivery.
    """
    ### BEGIN SOLUTION
    generator, queue, delivered = np.random.default_rng(seed), list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = generator.integers(len(queue))
        delivered.append(queue[place])
        queue[place] = record
    delivered.extend(generator.permutation(queue))  # the same as drawing one by one
    return np.array(delivered)
    ### END SOLUTION


# %% nbgrader={"grade_id": "shuffled-check", "grade": true, "locked": true, "points": 3}
teaching.check_shuffled(shuffled)

# %% nbgrader={"grade_id": "shuffled-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_shuffled(shuffled, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The smallest fraction that is enough
#
# We are going to measure the unevenness for several fractions. Which is the smallest fraction that mixes well enough?
# It is also possible that none does.
#
# <details><summary>Hint 1: where to look</summary>
#
# `measured.items()` returns the pairs of a dictionary: here, a fraction and its unevenness. They come in no particular
# order.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Collect the fractions that are good enough, and take the smallest. What does `min` do if there are none?
#
# </details>


# %% nbgrader={"grade_id": "smallest-fraction", "solution": true}
def smallest_fraction(measured: dict[float, float], limit: float) -> float | None:
    """Returns the smallest fraction that mixes well enough, or None if none does.

    Args:
        measured: maps each fraction to its unevenness; in any order.
        limit: the largest unevenness that is still good enough.
    """
    ### BEGIN SOLUTION
    good = [fraction for fraction, value in measured.items() if value <= limit]
    return min(good, default=None)
    ### END SOLUTION


# %% nbgrader={"grade_id": "smallest-fraction-check", "grade": true, "locked": true, "points": 2}
teaching.check_smallest_fraction(smallest_fraction)

# %% [markdown]
# We use the same records in three different orders: all of them sorted by class; each of the five files sorted
# separately, as if five people had written one each; and the files as they are, in random order. As in the pipeline,
# the queue has room for three batches in addition to the fraction. So with 10,000 records, the fraction 0.001 makes a
# queue of 394 records and not of 10.

# %%
orders = {
    "all sorted": in_order,
    "each file sorted": np.concatenate([np.sort(part) for part in np.split(labels, 5)]),
    "files as they are": labels,
}
fractions = (0.001, 0.01, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
capacities = {f: pipeline.queue_capacity(len(labels), BATCH, f) for f in fractions}

# %% [markdown]
# **Predict:** the tutorial's queue holds 0.4 of an epoch. For which of the three orders is that enough, and for which
# is it more than enough?
#
# <details><summary>Answer</summary>
#
# It is not enough for the sorted file: when the first batches leave, the classes in the second half of the file have
# not even been read. It is enough if each file is sorted separately, because the queue then has room for two whole
# files, which contain all classes. With room for one file, 0.2 narrowly misses. For files in random order, it is far
# more than enough, because they are already mixed.
#
# </details>


# %%
def unevenness_of(in_file):
    """Maps each fraction of an epoch in your queue to the unevenness that remains."""
    return {f: unevenness(shuffled(in_file, capacities[f], SEED), BATCH) for f in fractions}


# %%
mixed = {name: unevenness_of(in_file) for name, in_file in orders.items()}
for name, values in mixed.items():
    smallest = smallest_fraction(values, enough)
    print(f"{name}: {smallest} is enough; unevenness at 0.4: {values[0.4]:.2f}")

# %% [markdown]
# Does the real pipeline behave in the same way? We write a file of records sorted by class into a temporary directory,
# and let `distorted_inputs` deliver one epoch of it.

# %%
folder = tempfile.TemporaryDirectory()
by_class = np.argsort(labels, kind="stable")
images = np.concatenate([records.read_records(file)[0] for file in dataset.train_files])
file = pathlib.Path(folder.name) / "sorted.bin"
records.write_records(file, images[by_class], labels[by_class])
sorted_set = cifarlab.DataSet("sorted", dataset.classes, train_files=(file,))


# %%
def delivered(fraction):
    """Returns the labels of an epoch as the real pipeline delivers them, without distortions to save time."""
    part = {"min_fraction_of_examples_in_queue": fraction}
    stream = pipeline.distorted_inputs(sorted_set, BATCH, seed=SEED, distortions=(), **part)
    return np.concatenate([batch for _, batch in stream.take(len(labels) // BATCH)])


# %%
real = {fraction: unevenness(delivered(fraction), BATCH) for fraction in (0.001, 0.1, 0.4, 1.0)}
difference = max(abs(real[fraction] - mixed["all sorted"][fraction]) for fraction in real)
print("pipeline and your queue differ by less than 0.02 in unevenness:", difference < 0.02)

# %%
figure, (ax,) = figures.subplots()
curves = {name: (fractions, list(values.values())) for name, values in mixed.items()}
title = "How much of an epoch must the queue hold to mix well enough?"
plots.lines(ax, curves, title=title, x="fraction of an epoch in the queue", y="unevenness")
ax.plot(list(real), list(real.values()), "o", color="black", label="real pipeline, all sorted")
ax.axhline(enough, color="black", linewidth=0.8, linestyle="--", label="well enough")
ax.set_xscale("log")
ax.legend(frameon=False, fontsize=9)
figures.show(
    figure,
    "The curve for all records sorted starts near 0.8, falls late and drops below a dashed line at 0.8 of an epoch; "
    "black dots are on it. The curve for files sorted separately drops below the line at 0.4. The curve for the files "
    "as they are is flat and always below the line.",
)

# %% [markdown]
# ## 4. What the queue costs: memory
#
# Now for the price. The pipeline's queue holds records as they are in the file, 3,073 bytes each. Only batches that
# have left the queue are decoded, cropped and distorted. The capacity is `int(fraction * num_examples)` records plus
# three batches, as in the tutorial. But each epoch goes through a separate queue, which never holds more records than
# the epoch has. How many megabytes ($10^6$ bytes) of records does the queue hold when it is full?
#
# <details><summary>Hint 1: where to look</summary>
#
# `pipeline.queue_capacity`, which a cell above uses, computes the capacity. `records.record_bytes()` returns the number
# of bytes per record.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Count the records first: which is smaller, the capacity or the epoch? Then compute bytes, then megabytes. For CIFAR-10
# with the tutorial's 0.4 and batches of 128, the result is between 60 and 65.
#
# </details>


# %% nbgrader={"grade_id": "queue-megabytes", "solution": true}
def queue_megabytes(fraction: float, num_examples: int, batch_size: int) -> float:
    """Returns the size of the records in a full queue, in megabytes of 1,000,000 bytes.

    Args:
        fraction: the minimum fraction of an epoch that the queue holds, 0 to 1.
        num_examples: records per epoch.
        batch_size: records per batch.
    """
    ### BEGIN SOLUTION
    held = min(pipeline.queue_capacity(num_examples, batch_size, fraction), num_examples)
    return held * records.record_bytes() / 1e6
    ### END SOLUTION


# %% nbgrader={"grade_id": "queue-megabytes-check", "grade": true, "locked": true, "points": 2}
teaching.check_queue_megabytes(queue_megabytes)

# %% [markdown]
# ## 5. What the queue costs: time
#
# The first batch is late because the queue does not deliver anything until it is full. After that, whenever a record
# has left and another one is requested, the queue first reads a record into the free slot, as long as the file has any
# left. (This is the order from task 2. What matters here is when each record is read.) How many records must the source
# have read when the last record of the *first* batch leaves? If the source reads `records_per_second`, and everything
# else takes no time, after how many seconds is that?
#
# <details><summary>Hint 1: where to look</summary>
#
# Play it through on paper with a queue of three slots and batches of two. How many records have been read when the
# first record leaves, and how many when the second one leaves? And what if the file has only three records?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Fill the queue, and add one record for each record of the batch except the first. An epoch does not have more than
# `num_examples` records. For CIFAR-10 with 0.4, batches of 128 and 5,000 records per second, the result is between 4.1
# and 4.11 seconds.
#
# </details>


# %% nbgrader={"grade_id": "first-batch-delay", "solution": true}
def first_batch_delay(
    fraction: float, num_examples: int, batch_size: int, records_per_second: float
) -> float:
    """Returns the seconds until the last record of an epoch's first batch leaves the queue.

    Args:
        fraction: the fraction of an epoch in the queue, 0 to 1, to which three batches are added.
        num_examples: records per epoch.
        batch_size: records per batch.
        records_per_second: the speed of the source.
    """
    ### BEGIN SOLUTION
    capacity = pipeline.queue_capacity(num_examples, batch_size, fraction)
    return min(capacity + batch_size - 1, num_examples) / records_per_second
    ### END SOLUTION


# %% nbgrader={"grade_id": "first-batch-delay-check", "grade": true, "locked": true, "points": 2}
teaching.check_first_batch_delay(first_batch_delay)

# %% [markdown]
# For the 50,000 records of CIFAR-10 and a source that reads 5,000 records per second, such as a remote disk:

# %%
RATE = 5_000  # records per second
for fraction in fractions:
    megabytes = queue_megabytes(fraction, 50_000, BATCH)
    seconds = first_batch_delay(fraction, 50_000, BATCH, RATE)
    print(f"{fraction:5}: {megabytes:6.1f} MB, first batch after {seconds:5.2f} s")

# %% [markdown]
# ## A slow source
#
# Finally, we slow down the source of the real pipeline. Here it reads our own dataset, which has fewer records than
# CIFAR-10 in the table above. Before records enter the queue, they pass the pipeline's counter, 250 at a time. The
# counter below delays them there.
#
# **Predict:** with a fuller queue, you wait longer for the first batch. Do the batches after it come faster in return?
#
# <details><summary>Answer</summary>
#
# No. For each record that leaves, another one has to be read, so a batch takes 128 / 5,000 s, about 26 ms, regardless
# of what the queue holds. Only if the queue holds the whole epoch is there nothing left to read. Then the batches come
# immediately, until the next epoch has to be read.
#
# </details>


# %%
class SlowSource(pipeline.QueueCounter):
    """Counts records as usual, but first waits as long as a slow source would take to read them."""

    def count_read(self, some):
        tf.numpy_function(lambda number: time.sleep(number / RATE), [tf.size(some)], [])
        return pipeline.QueueCounter.count_read(self, some)


# %%
def waits(fraction, more=10):
    """Returns the seconds until the first batch, and the mean seconds per batch after it."""
    how = {"min_fraction_of_examples_in_queue": fraction, "counter": SlowSource()}
    stream = pipeline.distorted_inputs(dataset, BATCH, seed=SEED, distortions=(), **how)
    times = [time.perf_counter()]
    for _ in stream.take(1 + more):
        times.append(time.perf_counter())
    return times[1] - times[0], (times[-1] - times[1]) / more


# %%
first, later = zip(*[waits(fraction) for fraction in fractions], strict=True)
computed = [first_batch_delay(fraction, len(labels), BATCH, RATE) for fraction in fractions]
sooner = np.min(np.subtract(first, computed)) < -0.01
print("a first batch came sooner than you computed:", bool(sooner))

# %%
# NBVAL_IGNORE_OUTPUT
for fraction, seconds, more in zip(fractions, first, later, strict=True):
    print(f"{fraction:5}: first batch after {seconds:.2f} s, later ones {1000 * more:4.1f} ms each")

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.9)
x, delays = "fraction of an epoch in the queue", {"computed": (fractions, computed)}
delays["measured"] = (fractions, first)
plots.lines(left_ax, delays, title="How long until the first batch?", x=x, y="seconds")
pace = {"measured": (fractions, [1000 * seconds for seconds in later])}
plots.lines(right_ax, pace, title="How long for each of the next ten?", x=x, y="ms per batch")
for ax in (left_ax, right_ax):
    ax.set_xscale("log")
    ax.set_ylim(0)
figures.show(
    figure,
    "Left: the delay hardly grows up to 0.01, then grows steeply; the measured curve is above the computed one. "
    "Right: at every fraction except 1, each later batch takes about 26 ms, or more on a busy machine; at 1, it takes "
    "far less.",
)

# %%
folder.cleanup()

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# ## 6. How small may it be?
#
# **Explain in two sentences:** why does the sorted file need so much more of the epoch in the queue than files in
# random order do? And if the files are in random order, as in CIFAR-10, what does the tutorial's 0.4 buy by this
# measure, and what does it cost? Quote a number from above in each sentence. The megabytes and seconds for CIFAR-10 are
# in the table of task 5.
#
# *How it is graded, 2 points:* one for the reason, with an unevenness or a smallest fraction; one for what 0.4 buys and
# what it costs, with its megabytes or seconds compared with those of a smaller fraction that is enough.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# A record cannot leave the queue before it has been read, so with 0.4 of the sorted epoch in the queue, the first
# batches contain only classes from the first half of the file and the last ones have too few of these: the unevenness
# is still 0.27, and 0.8 is the smallest of the measured fractions that falls below the dashed line. Files in random
# order are already mixed before they are read and get there with 0.001, so the tutorial's 0.4 buys nothing that this
# measure can see, and on CIFAR-10 it costs 62.6 MB instead of 1.3 and, with a source of 5,000 records per second,
# 4.10 s until the first batch instead of 0.11.

# %% [markdown]
# ## Recap
#
# - "Mixes well enough" is a number: the unevenness of the batches, compared with that of a perfect shuffle, which is
#   not 0.
# - How much of an epoch the queue must hold depends on the order of the file: most of it if the file is sorted, hardly
#   any if it is already mixed. Mixing the file once on the disk is cheaper than mixing it in memory in every epoch.
# - A fuller queue costs memory and delays the first batch. It does not make a slow source faster.
#
# **Try next:** this measure only sees classes. Pass `np.arange(len(labels))` through `shuffled` with the fraction
# 0.001, and find out how far a record moves from its position in the file: which neighbors does it meet in every epoch?
# Or measure the time of each batch over two epochs with the slow source: where is the second pause, and why?
