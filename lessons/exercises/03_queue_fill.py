# %% [markdown]
# # Exercise 3. Queue fill: how small may the shuffle queue be?
#
# The tutorial says: *it is sometimes annoying that the first training step can take so long. Try decreasing the number
# of images that initially fill up the queue. Search for `min_fraction_of_examples_in_queue`.* You do that, and find out
# what it costs. First you write down what "mixes well enough" means, as a number. Then you build the queue and find
# the smallest fraction that is enough: for a file that is sorted by class, where it matters, and for others. Last you
# compute what a fuller queue takes, in memory and in waiting, and hold it against the pipeline with a slow source.
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
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others.

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
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## 1. A measure of mixing
#
# To say that one queue mixes better than another takes a number. Let $p_c$ be the share of class $c$ in a batch, and
# $q_c$ its share in the whole epoch. Then $\frac{1}{2} \sum_c |p_c - q_c|$, the *total variation distance*, is the part
# of the batch that would have to be exchanged to give its classes the shares of the whole: 0 if the batch is a small
# likeness of the epoch, 0.9 if it holds one class where there are ten of equal size.
#
# **The unevenness of an epoch is the mean of this distance over its batches**: the first `batch_size` labels, the next
# ones, and so on. Labels at the end that do not fill a batch are none, but they do belong to the epoch and count in
# $q_c$. An example: in batches of two, the labels 0, 0, 1, 1 have the unevenness 0.5, and 0, 1, 1, 0 have 0.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.bincount(labels, minlength=n)` counts how often each of the numbers 0 to n - 1 occurs, also those that do not.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Compute the shares $q_c$ once. Then go through the batches, compute each one's $p_c$ over the same classes, and keep
# its distance; at the end take the mean.
#
# </details>


# %% nbgrader={"grade_id": "unevenness", "solution": true}
def unevenness(labels: np.ndarray, batch_size: int) -> float:
    """The mean total variation distance of an epoch's whole batches from the epoch: 0 to 1.

    Args:
        labels: int32[N], 0 to 9, in the order in which they are delivered.
        batch_size: labels a batch, at most N.
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
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_unevenness(unevenness, key="public")
### END HIDDEN TESTS

# %% [markdown]
# **Predict**, before you run the next cell: what is the unevenness of an epoch in batches of 128 when it was shuffled
# perfectly? Is it 0?
#
# <details><summary>Answer</summary>
#
# No. A batch is a sample: of each of ten classes it gets 12.8 records on average, but by chance some more or fewer
# (the standard deviation is 3.4). So in each batch about a tenth of the records is "wrong".
#
# </details>

# %%
labels = np.concatenate([records.read_labels(file) for file in dataset.train_files])
in_order = np.sort(labels)
perfect = unevenness(np.random.default_rng(SEED).permutation(labels), BATCH)
enough = 1.25 * perfect
print(f"sorted by class: {unevenness(in_order, BATCH):.2f}")
print(f"shuffled perfectly: {perfect:.2f}; well enough: at most {enough:.2f}")

# %% [markdown]
# So "well enough" cannot mean 0. In this exercise it means: **an unevenness of at most 1.25 times that of a perfect
# shuffle**, a quarter above it. That is the variable `enough`.
#
# ## 2. The queue
#
# Now the queue itself, in plain Python. (A queue of TensorFlow 1 was a node of the graph that threads filled; today it
# is the buffer of `tf.data`'s `shuffle`, and works as follows.)
#
# 1. It reads the first `capacity` records of the file, or all if there are fewer.
# 2. It draws one of those that it holds, each equally likely, and delivers it. The next record of the file takes the
#    free place. This repeats until the file has ended.
# 3. It goes on drawing from what it still holds, until that is empty.
#
# So each record is delivered exactly once. The draws come from the seed alone: the same seed gives the same order,
# another seed another one.
#
# <details><summary>Hint 1: where to look</summary>
#
# `np.random.default_rng(seed)` makes a generator, and its `integers(n)` draws from 0 to n - 1. (Its `choice` would copy
# the whole queue at each draw.) How often should the generator be made?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Keep two lists, what is in the queue and what was delivered. Go through the rest of the file: draw a place, deliver
# what is there, put the record from the file into that place. Then see to those which are left: in which order may
# they leave?
#
# </details>


# %% nbgrader={"grade_id": "shuffled", "solution": true}
def shuffled(in_file: np.ndarray, capacity: int, seed: int) -> np.ndarray:
    """The order in which a shuffle queue delivers records.

    Args:
        in_file: int[N], a number for each record, such as its label, in the file's order; it stays as it is.
        capacity: records that the queue holds, 1 or more; may be more than N.
        seed: of the draws.

    Returns:
        int[N], the numbers of `in_file` in the order of their delivery.
    """
    ### BEGIN SOLUTION
    generator, queue, delivered = np.random.default_rng(seed), list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = generator.integers(len(queue))
        delivered.append(queue[place])
        queue[place] = record
    delivered.extend(generator.permutation(queue))  # as if drawn one by one
    return np.array(delivered)
    ### END SOLUTION


# %% nbgrader={"grade_id": "shuffled-check", "grade": true, "locked": true, "points": 3}
teaching.check_shuffled(shuffled)

# %% nbgrader={"grade_id": "shuffled-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_shuffled(shuffled, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The smallest that is enough
#
# We are going to measure the unevenness for several fractions. Which is the smallest that mixes well enough? It may
# also be that none does.
#
# <details><summary>Hint 1: where to look</summary>
#
# `measured.items()` gives the pairs of a dictionary, a fraction and its unevenness. They come in no special order.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Gather the fractions that are good enough, then take the smallest. What does `min` do when there are none?
#
# </details>


# %% nbgrader={"grade_id": "smallest-fraction", "solution": true}
def smallest_fraction(measured: dict[float, float], limit: float) -> float | None:
    """The smallest fraction that mixes well enough, or None where none does.

    Args:
        measured: the unevenness by fraction, in any order.
        limit: the largest unevenness that is still good enough.
    """
    ### BEGIN SOLUTION
    good = [fraction for fraction, value in measured.items() if value <= limit]
    return min(good, default=None)
    ### END SOLUTION


# %% nbgrader={"grade_id": "smallest-fraction-check", "grade": true, "locked": true, "points": 2}
teaching.check_smallest_fraction(smallest_fraction)

# %% [markdown]
# Three orders of the same records: all of them sorted by class; each of the five files sorted by itself, as if five
# people had written one each; and the files as they are, in random order. As in the pipeline, the queue has room for
# three batches more than the fraction says: of 10,000 records 0.001 makes a queue of 394, not of 10.

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
# not even been read. It is enough where each file is sorted by itself, since the queue then has room for two whole
# files, with all classes in them; with room for one, 0.2 just misses. It is far more than enough for files in random
# order, which are mixed already.
#
# </details>


# %%
def unevenness_of(in_file):
    """What your queue leaves of unevenness, by the fraction of an epoch that it holds."""
    return {f: unevenness(shuffled(in_file, capacities[f], SEED), BATCH) for f in fractions}


# %%
mixed = {name: unevenness_of(in_file) for name, in_file in orders.items()}
for name, values in mixed.items():
    print(f"{name}: {smallest_fraction(values, enough)} is enough; 0.4 leaves {values[0.4]:.2f}")

# %% [markdown]
# Does the real pipeline do the same? We write a file of records sorted by class, into a folder that is deleted in the
# end, and let `distorted_inputs` deliver an epoch of it.

# %%
folder = tempfile.TemporaryDirectory()
by_class = np.argsort(labels, kind="stable")
images = np.concatenate([records.read_records(file)[0] for file in dataset.train_files])
file = pathlib.Path(folder.name) / "sorted.bin"
records.write_records(file, images[by_class], labels[by_class])
sorted_set = cifarlab.DataSet("sorted", dataset.classes, train_files=(file,))


# %%
def delivered(fraction):
    """The labels of an epoch, as the pipeline itself delivers them; nothing is distorted, to save time."""
    part = {"min_fraction_of_examples_in_queue": fraction}
    stream = pipeline.distorted_inputs(sorted_set, BATCH, seed=SEED, distortions=(), **part)
    return np.concatenate([batch for _, batch in stream.take(len(labels) // BATCH)])


# %%
real = {fraction: unevenness(delivered(fraction), BATCH) for fraction in (0.001, 0.1, 0.4, 1.0)}
difference = max(abs(real[fraction] - mixed["all sorted"][fraction]) for fraction in real)
print("the pipeline's unevenness differs from your queue's by less than 0.02:", difference < 0.02)

# %%
figure, (ax,) = figures.subplots()
curves = {name: (fractions, list(values.values())) for name, values in mixed.items()}
title = "How much of an epoch must the queue hold to mix well enough?"
plots.lines(ax, curves, title=title, x="fraction of an epoch in the queue", y="unevenness")
ax.plot(list(real), list(real.values()), "o", color="black", label="the pipeline, all sorted")
ax.axhline(enough, color="black", linewidth=0.8, linestyle="--", label="well enough")
ax.set_xscale("log")
ax.legend(frameon=False, fontsize=9)
figures.show(
    figure,
    "The sorted file's curve starts near 0.8, falls late and gets below a dashed line at 0.8 of an epoch; black dots "
    "lie on it. That of files sorted singly gets there at 0.4. That of files as they are is flat and always below.",
)

# %% [markdown]
# ## 4. What the queue takes: memory
#
# Now the price. The pipeline's queue holds records as they are in the file, 3,073 bytes each; only batches that have
# left it are decoded, cropped and distorted. Its capacity is `int(fraction * num_examples)` records and three batches
# more, as in the tutorial. But each epoch goes through a queue of its own, so there are never more records in it than
# an epoch has. How many megabytes ($10^6$ bytes) of records does it hold when it is full?
#
# <details><summary>Hint 1: where to look</summary>
#
# `pipeline.queue_capacity`, which you met in a cell above, knows the capacity; `records.record_bytes()` knows the bytes
# of a record.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Count the records first: what is smaller, the capacity or the epoch? Then bytes, then megabytes. CIFAR-10 with the
# tutorial's 0.4 and batches of 128 needs between 60 and 65.
#
# </details>


# %% nbgrader={"grade_id": "queue-megabytes", "solution": true}
def queue_megabytes(fraction: float, num_examples: int, batch_size: int) -> float:
    """The records in a full queue, in megabytes of 1,000,000 bytes.

    Args:
        fraction: of an epoch, 0 to 1, that the queue holds at least.
        num_examples: records of an epoch.
        batch_size: records a batch.
    """
    ### BEGIN SOLUTION
    held = min(pipeline.queue_capacity(num_examples, batch_size, fraction), num_examples)
    return held * records.record_bytes() / 1e6
    ### END SOLUTION


# %% nbgrader={"grade_id": "queue-megabytes-check", "grade": true, "locked": true, "points": 2}
teaching.check_queue_megabytes(queue_megabytes)

# %% [markdown]
# ## 5. What the queue takes: time
#
# The first batch is late because the queue delivers nothing before it is full. Then, whenever a record has left and
# another one is wanted, it first reads one into the free place, as long as the file has any. (That is task 2's order;
# here it matters when a record is read.) How many records must the source have read when the last record of the *first*
# batch leaves? If it reads `records_per_second`, and everything else takes no time, after how many seconds is that?
#
# <details><summary>Hint 1: where to look</summary>
#
# Play it on paper: a queue of three places, batches of two. How many records have been read when the first one leaves,
# and how many when the second one leaves? And if the file has only three records?
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Fill the queue, and add a record for each one of the batch but the first. An epoch has no more than `num_examples`.
# For CIFAR-10 with 0.4, batches of 128 and 5,000 records a second the result lies between 4.1 and 4.11 seconds.
#
# </details>


# %% nbgrader={"grade_id": "first-batch-delay", "solution": true}
def first_batch_delay(
    fraction: float, num_examples: int, batch_size: int, records_per_second: float
) -> float:
    """The seconds until the last record of an epoch's first batch leaves the queue.

    Args:
        fraction: of an epoch, 0 to 1, that the queue holds at least; three batches come on top.
        num_examples: records of an epoch.
        batch_size: records a batch.
        records_per_second: how fast the source is.
    """
    ### BEGIN SOLUTION
    capacity = pipeline.queue_capacity(num_examples, batch_size, fraction)
    return min(capacity + batch_size - 1, num_examples) / records_per_second
    ### END SOLUTION


# %% nbgrader={"grade_id": "first-batch-delay-check", "grade": true, "locked": true, "points": 2}
teaching.check_first_batch_delay(first_batch_delay)

# %% [markdown]
# For the 50,000 records of CIFAR-10, from a source of 5,000 records a second, such as a disk far away:

# %%
RATE = 5_000  # records a second
for fraction in fractions:
    megabytes = queue_megabytes(fraction, 50_000, BATCH)
    seconds = first_batch_delay(fraction, 50_000, BATCH, RATE)
    print(f"{fraction:5}: {megabytes:6.1f} MB, first batch after {seconds:5.2f} s")

# %% [markdown]
# ## 6. A slow source
#
# Last, the real pipeline with a source that is made slow, on our own data, which are fewer than CIFAR-10's in the
# table. Records pass the pipeline's counter before they get into the queue, 250 at a time; this one holds them up
# there.
#
# **Predict:** a fuller queue makes you wait longer for the first batch. Do the batches after it come faster in return?
#
# <details><summary>Answer</summary>
#
# No. For each record that leaves one has to be read, so a batch takes 128 / 5,000 s, some 26 ms, whatever the queue
# holds. Only with the whole epoch in it is there nothing left to read: batches come at once, until the next epoch has
# to be read.
#
# </details>


# %%
class SlowSource(pipeline.QueueCounter):
    """Counts what is read, as ever, but first waits as long as a slow source would take for it."""

    def count_read(self, some):
        tf.numpy_function(lambda number: time.sleep(number / RATE), [tf.size(some)], [])
        return pipeline.QueueCounter.count_read(self, some)


# %%
def waits(fraction, more=10):
    """Seconds until the first batch, and for each of some more, on average."""
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
print("did a first batch come sooner than you computed:", bool(sooner))

# %%
# NBVAL_IGNORE_OUTPUT
for fraction, seconds, more in zip(fractions, first, later, strict=True):
    print(f"{fraction:5}: first batch after {seconds:.2f} s, later ones {1000 * more:4.1f} ms each")

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.9)
x, delays = "fraction of an epoch in the queue", {"computed": (fractions, computed)}
delays["measured"] = (fractions, first)
plots.lines(left_ax, delays, title="How long until the first batch?", x=x, y="s")
pace = {"measured": (fractions, [1000 * seconds for seconds in later])}
plots.lines(right_ax, pace, title="And for each of the next ten?", x=x, y="ms a batch")
for ax in (left_ax, right_ax):
    ax.set_xscale("log")
    ax.set_ylim(0)
figures.show(
    figure,
    "Left: the delay hardly grows up to 0.01, then steeply; measured runs above computed. Right: each later "
    "batch takes about 26 ms, more on a busy machine, at every fraction but 1, where it takes far less.",
)

# %%
folder.cleanup()

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in two sentences:** why does the sorted file need so much more of the epoch in the queue than files in
# random order do? And what does the tutorial's 0.4 buy and cost, by this measure, where the files are in random order,
# as CIFAR-10's are? Name a number from above in each; those of megabytes and seconds for CIFAR-10 are in the table of
# task 5.
#
# *How it is graded, 2 points:* one for the reason, with an unevenness or a smallest fraction; one for what 0.4 brings
# and what it costs, with megabytes or seconds against those of a fraction that is enough.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# A record cannot leave before it has been read, so that with 0.4 of the sorted epoch in the queue the first batches
# hold only the classes of the first half of the file, and the last ones are short of these: the unevenness is then
# still 0.27, and of the fractions measured 0.8 is the smallest that gets below the dashed line. Files in random order
# are mixed before they are read and get there with 0.001, so the tutorial's 0.4 buys nothing there that this measure
# sees, and it costs 62.6 MB instead of 1.3 on CIFAR-10 and, from a source of 5,000 records a second, 4.10 s until the
# first batch instead of 0.11.

# %% [markdown]
# ## Recap
#
# - "Mixes well enough" is a number: the unevenness of the batches, against that of a perfect shuffle, which is not 0.
# - How much of an epoch the queue must hold depends on the order of the file: most of it if it is sorted, hardly any
#   if it is mixed already. To mix once on the disk is cheaper than to mix in memory in each epoch.
# - A fuller queue costs memory and delays the first batch; it does not make a slow source faster.
#
# **Try next:** the measure sees classes alone. Pass `np.arange(len(labels))` through `shuffled` and find out how far a
# record gets from its place in the file with 0.001: which neighbours does it meet in every epoch? Or time each batch
# of two epochs with the slow source: where is the second pause, and why?
