# %% [markdown]
# # 7. Your own data: from a folder of pictures to a classifier
#
# How do I get from a folder of my own pictures to a classifier? In the tutorial's program the numbers of classes, of
# pictures and of pixels are constants. Here they follow from the data, so most of the way is not programming but
# looking: at what the network will see, at what it has to beat, and at what a good figure may hide.
#
# **You need** lessons 1 to 5. **You will be able to** make a data set of a folder, of arrays or of a TensorFlow
# dataset; say which figure a network has to beat; search for leaks; choose distortions and write one; choose between
# two ways of training without a look at the test pictures; see what uneven classes do, and do something about it;
# export the result and use it where there is no cifarlab.
#
# **Time**: 35 minutes to read and try, under a minute to run on two processor cores.

# %%
import os
import tempfile
from pathlib import Path

import cifarlab  # not found? docs/run-online.md
import numpy as np
from cifarlab.backend import tf
from cifarlab.data import custom, distortions, holdout, image_files, records
from cifarlab.evaluation import classifier, evaluator, metrics
from cifarlab.plotting import evaluations, figures, image_grids, plots

PICTURES = os.environ.get("CIFARLAB_PICTURES")  # or the path of your folder, in quotes
source = None if PICTURES else cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
some = f"{source.name}, {source.num_examples('train'):,} training" if source else "your own"
print(f"Data: {some} pictures, seed 0")

# %% [markdown]
# ## A folder for each class
#
# `from_folder` reads what most people have: a folder, in it a folder for each class that has the class's name, in
# that the pictures, of any names and sizes and in any format that Pillow reads.
#
# **Put in your own**: write the path of such a folder into the line with `PICTURES` above, or start JupyterLab with
# `CIFARLAB_PICTURES=FOLDER make lab`. No cell below knows a class by its name, so all of them run on yours, too. (The
# prose tells what is to be seen on ours.) If you set nothing, we make a folder of four classes of the course's
# pictures. Its first class has eight times as many as its last: in real folders, too, some things are rare.

# %%
from PIL import Image

home = Path(PICTURES).expanduser().resolve() if PICTURES else Path(tempfile.mkdtemp(), "pictures")
os.chdir(tempfile.mkdtemp())  # what this lesson writes goes here
if source:
    parts = [records.read_records(file) for file in source.train_files]
    images, labels = map(np.concatenate, zip(*parts, strict=True))
    for label, count in enumerate((800, 600, 400, 100)):
        (home / source.classes[label]).mkdir(parents=True)
        for i, image in enumerate(images[labels == label][:count]):
            file = home / source.classes[label] / f"{i:03d}.{('jpg', 'png')[i % 2]}"
            Image.fromarray(image).save(file, quality=95)

# %%
for folder in sorted(filter(Path.is_dir, home.iterdir())):
    if files := image_files.image_paths(folder):
        print(f"{folder.name}: {len(files):,} pictures,", *(f.name for f in files[:3]), "...")

# %% [markdown]
# ## One call
#
# `from_folder` scales each picture so that it fills a square of 32 pixels and keeps its middle. It draws a fifth of
# each class as test pictures, and writes two files of records like those of lesson 1, in mixed order, and a
# description. From now on that folder is the data set; where your pictures are does not matter any more.

# %%
dataset = custom.from_folder(home, "mine")
print("written:", *sorted(os.listdir("mine")))
train_count, test_count = dataset.num_examples("train"), dataset.num_examples("test")
print(f"{train_count:,} training and {test_count:,} test pictures, {dataset.image_shape}")
print(f"{dataset.num_classes} logits, of crops of {dataset.crop_size} x {dataset.crop_size}")

# %% [markdown]
# A file that is no picture, a class with a single one, a folder without classes: each would be said in one line, and
# nothing written. What can be wrong now is what no program sees. So look, as in lesson 4, at pictures *as the network
# gets them*, cropped to 24 x 24.

# %%
batch, named = next(iter(cifarlab.inputs(dataset, "train", batch_size=500)))
seen = image_grids.rescale_to_255(batch)
rows = {name: seen[named == label][:14] for label, name in enumerate(dataset.classes[:12])}
figure, (ax,) = figures.subplots(height=0.4 + 0.55 * len(rows))
image_grids.image_grid(ax, rows, title="Can you tell the classes at this size?")
figures.show(figure, "A row of small square pictures for each class, in strong contrast.")

# %% [markdown]
# If *you* cannot tell them, because what tells them apart is small or stands at the edge, the network hardly can. Then
# `from_folder(..., size=64)` keeps more. It costs: four times as many pixels are four times the work of each
# convolution, and as many times the weights of `local3`, by far the largest layer.
#
# ## Two other doors
#
# Arrays, such as those of a numpy file, go through `from_arrays`. Images without an axis of channels are grey, and
# where no `test` is given, test pictures are drawn from them. Here are our pictures in grey.


# %%
def read(data, split):
    """All images and labels of a data set's split."""
    parts = [records.read_records(f, data.image_shape, data.num_classes) for f in data.files(split)]
    return tuple(map(np.concatenate, zip(*parts, strict=True)))


# %%
train_images, train_labels = read(dataset, "train")
test_images, test_labels = read(dataset, "test")
test = (test_images.mean(axis=-1), test_labels)
grey = custom.from_arrays(train_images.mean(axis=-1), train_labels, "grey", test=test)
print(f"{grey.image_shape}: {grey.num_examples('train'):,} and {grey.num_examples('test'):,}")

# %% [markdown]
# Whatever gives a `tf.data.Dataset` of (image, label) goes through `from_tf_dataset`: TensorFlow Datasets' `tfds.load`
# with `as_supervised=True`, Keras' `image_dataset_from_directory`, a pipeline of yours. All its images must be of one
# size, and a line sees to that. Here they become half as large.


# %%
def halved(images, labels):
    """A step of a TensorFlow pipeline."""
    return tf.image.resize(images, [16, 16]), labels


# %%
slices = (tf.data.Dataset.from_tensor_slices(read(dataset, part)) for part in ("train", "test"))
small = custom.from_tf_dataset(*(part.batch(100).map(halved) for part in slices), "small")
print(f"{small.image_shape}: {small.num_examples('train'):,} and {small.num_examples('test'):,}")

# %% [markdown]
# It writes the pictures in the order in which they come. If yours come class by class, shuffle them first. The shuffle
# queue of lesson 1 holds only part of an epoch, so it cannot undo such an order.
#
# ## What has to be beaten?
#
# A precision of 80 % is good for ten classes that are equally common, and worthless where nine pictures of ten show
# the same thing. So find out first what one gets without looking, by always naming the commonest class. (`cifarlab
# train` prints the line below whenever classes are uneven.)

# %%
from cifarlab.monitoring import console

counts = dataset.class_counts("test")
for name, train, test in zip(dataset.classes, dataset.class_counts("train"), counts, strict=True):
    print(f"{name:12} {train:6,} for training {test:6,} for the test")
print(f"to be beaten: {dataset.majority_class()[1]:.1%}")
console.warn_if_imbalanced(dataset)

# %% [markdown]
# The other way round, a figure may be high and hide a failure. Imagine a network that is right on every test
# picture but those of the rarest class, which it never names.
#
# **Predict:** what is its precision @ 1? And what is the mean of the classes' precisions, in which each class counts
# the same, however many pictures it has? (Others call a class's share of right answers its *recall*, and the mean of
# them *balanced accuracy*.)


# %%
def balanced(matrix):
    """The mean of the classes' precisions, from a confusion matrix."""
    return np.mean(np.diag(matrix) / np.maximum(matrix.sum(axis=1), 1))


# %%
rarest = counts.argmin()
matrix = np.diag(counts)
matrix[rarest] = np.roll(matrix[rarest], 1)  # the rarest class is taken for its neighbour
print(f"precision @ 1: {np.trace(matrix) / matrix.sum():.1%}")
print(f"mean of the classes: {balanced(matrix):.1%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# In our folder 20 of the 380 test pictures are of the rarest class, so precision @ 1 is 360 / 380. The mean of four
# classes, of which three are at 100 % and one is at zero, is 75 %. Who reads the first number alone sees no failure.
#
# </details>
#
# ## Two sides that must not know each other
#
# You will try things and keep what works best. If you choose by the test pictures, the best figure is partly luck, the
# more so the more you try, and no estimate any more of what new pictures will bring. So some *training* pictures are
# held out to choose by, and the test pictures are looked at once, at the end.

# %%
held = holdout.hold_out(dataset, "held", examples=train_count // 5)
print(f"{held.num_examples('train'):,} to train on, {held.num_examples('test'):,} to choose by")
print("held out of the rarest class:", held.class_counts("test").min())

# %% [markdown]
# `hold_out` takes the last ones, without a draw. Since `from_folder` wrote them in mixed order, that is a fair sample.
# Of files in which the order means something it would not be.
#
# The second way to fool oneself is a *leak*: nearly equal pictures on both sides, such as frames of one film, a series
# of shots, a picture that was saved twice. The network learns one by heart and "recognizes" the other, and a draw at
# random makes just that. If your pictures are related, part them by film, by day or by person into `train/<class>/`
# and `test/<class>/`; `from_folder` takes the two sides as they are. (To choose by whole films as well, make a second
# data set, whose `test` folder holds some of the training films.)
#
# So search for twins before you train: for each test picture, which training picture is nearest? We compare coarse
# copies of 8 x 8 pixels. A search that finds nothing may be broken, so we plant a twin, moved by one pixel.


# %%
def coarse(images):
    """Small copies of images, a row of numbers each."""
    return tf.reshape(tf.image.resize(images, [8, 8], "area"), [len(images), -1]).numpy()


# %%
planted = np.roll(train_images[:1], 1, axis=2)
suspects = np.concatenate([planted, test_images[:1000]])
a, b = coarse(suspects), coarse(train_images)
distances = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T  # squared
closest = distances.min(axis=1).argsort()[:14]
print("the planted twin comes first:", closest[0] == 0)

# %%
twins = train_images[distances[closest].argmin(axis=1)]
figure, (ax,) = figures.subplots(height=1.45)
title = "Which test pictures have a twin among the training pictures?"
image_grids.image_grid(ax, {"test": suspects[closest], "training": twins}, title=title)
figures.show(
    figure, "Pairs of pictures, the most alike on the left; the leftmost pair shows the same."
)

# %% [markdown]
# The pair on the left is the planted one. Go on to the right until the two are clearly different pictures. On the drawn
# pictures that is at once: backgrounds are alike, subjects differ. In a folder from the web it may take a
# while, and what you find on the way has to leave one of the sides.
#
# ## What may be distorted?
#
# A distorted picture must keep its class: that is all the theory there is, and only you know it of your pictures.
#
# **Predict:** which of flip, brightness and contrast would you allow for handwritten letters, for traffic lights, for
# photos of skin, for arrows on road signs?
#
# <details><summary>Answer</summary>
#
# Letters: no flip, since b would become d. Arrows: none either, left would become right. Traffic lights: a flip does no
# harm, nor does contrast, which treats red and green alike. Skin: a flip, and upside down, too (a function of your
# own); but no contrast, if paleness is what it is about. Brightness is the same for all four: standardization takes it
# away again (lesson 1).
#
# </details>
#
# The setting `distortions` names those that may happen, such as `"brightness,contrast"` for digits. One of your own is
# a function of a batch and a seed. `distortions.per_image_uniform` gives it a random number for each picture, always
# the same for the same seed, so that a run can be repeated; `stream` keeps its draws apart from those of others. Ours
# covers a square with the picture's mean colour, so that the network cannot rely on a single part.


# %%
def part_hidden(images, seed, size=8):
    """Covers a square of each image, at a place of its own."""
    images = tf.cast(images, tf.float32)
    along = tf.range(images.shape[1], dtype=tf.float32)
    centre = distortions.per_image_uniform(images, [2, 1, 1], seed, stream=10, high=images.shape[1])
    rows, columns = tf.abs(along[:, None] - centre[:, 0]), tf.abs(along - centre[:, 1])
    covered = tf.maximum(rows, columns) < size / 2  # [B, rows, columns]
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    return tf.where(covered[..., None], mean, images)


# %% [markdown]
# Before it is used, it is looked at: one picture, ten draws of each distortion. We take two of them.

# %%
crop = distortions.central_crop(train_images[:1], dataset.crop_size)
kinds = {name: distortions.BY_NAME[name] for name in ("flip", "brightness", "contrast")}
kinds["part hidden"] = part_hidden
rows = {name: kind(tf.repeat(crop, 10, axis=0), seed=[0, 0]) for name, kind in kinds.items()}
figure, (ax,) = figures.subplots(height=2.8)
image_grids.image_grid(ax, rows, title="Is it still of the same class?")
figures.show(
    figure,
    "Ten copies of a picture in each of four rows: mirrored, lighter, greyer, partly covered.",
)

# %%
OURS = [distortions.random_flip, part_hidden]  # digits and letters: without the flip

# %% [markdown]
# ## Two ways to train, and which is better
#
# The tutorial's settings are made for 50,000 pictures and hours. For less of both take the recipe "quick": momentum, a
# learning rate that rises once and then falls to zero, pictures mixed in pairs. It was found on CIFAR-10
# (`benchmarks/README.md`), and its 18,000 steps of 128 are for so many pictures. Ours are far fewer, and so are our
# steps.

# %%
import shutil

from cifarlab import config

RECIPE = {**config.RECIPES["quick"], "batch_size": 32}


# %%
def trained(data, steps, run):
    """Trains with our recipe and distortions, each time anew."""
    settings = {**RECIPE, "dataset": data.name, "max_steps": steps, "train_dir": f"runs/{run}"}
    shutil.rmtree(settings["train_dir"], ignore_errors=True)
    return cifarlab.train(cifarlab.TrainConfig(**settings), dataset=data, distortions=OURS)


# %%
print(f"200 steps show each picture {200 * 32 / held.num_examples('train'):.1f} times")

# %% [markdown]
# What can be done about a rare class? Best is more pictures of it. Without them one can show those that there are more
# often. Here `from_arrays` gets each class's training pictures as often as it takes to have as many as of the
# commonest, and the test pictures as they are. (Part first, then repeat. The other way round, copies of a picture would
# lie on both sides: a leak.)


# %%
def evened(data, name):
    """The data set with rare classes' training pictures repeated."""
    images, labels = read(data, "train")
    most = data.class_counts("train").max()
    places = [np.resize(np.flatnonzero(labels == label), most) for label in np.unique(labels)]
    again = np.concatenate(places)
    made = {"classes": data.classes, "crop_size": data.crop_size}
    return custom.from_arrays(images[again], labels[again], name, test=read(data, "test"), **made)


# %%
held_evened = evened(held, "held_evened")
print("to train on:", *held.class_counts("train"), "- evened:", *held_evened.class_counts("train"))

# %% [markdown]
# **Predict:** we train with both, equally long, and judge both by the same held-out pictures. Which one has the better
# precision @ 1? Which one the better mean of the classes?


# %%
def judged(state, data):
    """The confusion matrix of the averaged weights on a data set's test pictures."""
    logits, labels = evaluator.logits_and_labels(
        state.averages, cifarlab.inputs(data, batch_size=500)
    )
    return metrics.confusion_matrix(logits, labels)


# %%
ways = {
    "as it is": judged(trained(held, 200, "as_it_is"), held),
    "evened": judged(trained(held_evened, 200, "evened"), held),
}


# %%
def percent(rule, without_looking):
    """What a rule makes of the two ways' confusion matrices, and what one gets without looking."""
    ruled = {name: round(100 * rule(matrix)) for name, matrix in ways.items()}
    return {"always the\ncommonest": round(100 * without_looking)} | ruled


def overall(matrix):
    """Precision @ 1, from a confusion matrix."""
    return np.trace(matrix) / matrix.sum()


# %%
by_picture = percent(overall, held.majority_class()[1])
by_class = percent(balanced, 1 / dataset.num_classes)

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3, sharey=True)
y = "right, of the held-out pictures (%)"
plots.bars(left_ax, by_picture, title="Which way, if each picture counts?", y=y)
plots.bars(right_ax, by_class, title="And if each class counts?", y="")
leaders = [max(values, key=values.get) for values in (by_picture, by_class)]
figures.show(figure, "Two charts of three bars. Highest left: {}; right: {}.".format(*leaders))

# %%
found = {name: m[rarest, rarest] / max(m[rarest].sum(), 1) for name, m in ways.items()}
print("as it is, more pictures are right:", by_picture["as it is"] > by_picture["evened"])
print("evened, more on the mean of the classes:", by_class["as it is"] < by_class["evened"])
print("as it is, less than 20 % of the rarest class:", bool(found["as it is"] < 0.2))
print("evened, more than 60 % of the rarest class:", bool(found["evened"] > 0.6))

# %% [markdown]
# <details><summary>Answer</summary>
#
# As it is, more pictures are right: when in doubt, the network names what is common, and that pays. But of the rarest
# class it recognizes next to nothing. That is the failure that we imagined above, at a precision of about 80 %. Evened,
# some points of that are lost, and most pictures of the rarest class are found.
#
# </details>
#
# Which is better? Pictures cannot tell; it hangs on what mistakes cost. If those to come are mixed like yours and all
# mistakes are equally bad, it is the first. If the rare class is what you look for, a disease or a crack in a rail, it
# is the second. Decide by which figure you choose *before* you see the figures. We say: each class counts the same.
#
# ## The one look at the test pictures
#
# Once the choice is made, the held-out pictures may be trained on. So we take all training pictures, evened, and half
# as many steps again.
#
# **Predict:** how good will it be on the test pictures? Write down two numbers, precision @ 1 and the mean of the
# classes.

# %%
final = trained(evened(dataset, "final"), 300, "final")
logits, labels = evaluator.logits_and_labels(
    final.averages, cifarlab.inputs(dataset, batch_size=500)
)
matrix = metrics.confusion_matrix(logits, labels)

# %% tags=["result"]
low, high = metrics.wilson_interval(int(np.trace(matrix)), int(matrix.sum()))
print(f"precision @ 1, give or take {100 * (high - low) / 2:.0f} points,")
print("is more than was to be beaten:", bool(low > dataset.majority_class()[1]))
print("the mean of the classes is above 70 %:", bool(balanced(matrix) > 0.7))

# %%
figure, (ax,) = figures.subplots(height=3)
evaluations.per_class_accuracy(ax, matrix, dataset.classes)
figures.show(
    figure,
    "A bar for each class, of different heights; the rarest class's has the longest error bar.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Both come to about 80 %. (The network before had a fifth fewer training pictures and a third fewer steps.) The dashed
# line is precision @ 1, and the mean of the bars is the other figure.
#
# </details>
#
# Read the error bars before the bars. Of a rare class there are few test pictures, too, so little can be said about it:

# %%
few = counts[rarest]
low, high = metrics.wilson_interval(few * 4 // 5, few)
print(f"{few * 4 // 5} of {few} right: between {low:.0%} and {high:.0%}")

# %% [markdown]
# More pictures of a rare class help twice, in training and in knowing how good it is.
#
# ## What is left to be done?
#
# That the rarest class is found is one thing. What of the pictures that the network *takes* for it?
#
# **Predict:** when it names the rarest class, how often is that right?

# %%
figure, (ax,) = figures.subplots(height=2.2 + 0.28 * dataset.num_classes)
evaluations.confusion(ax, matrix, dataset.classes)
figures.show(figure, "A square table of percentages, its diagonal darker than the rest.")

# %%
named_so = matrix[:, rarest].sum()
print("named as the rarest class, more than there are:", bool(named_so > few))
print("right, less than half of them:", bool(matrix[rarest, rarest] < named_so / 2))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Here about once in three times. Read the rarest class by its *column*: some percent of each common class make more
# pictures than the rare class has. That is the price of training as if all classes were equally common. The network now
# expects the rare one as often as any other.
#
# </details>
#
# What to do about it is again a matter of costs. To repeat the rare pictures half as often is a way between, and the
# held-out pictures can tell how far to go.
#
# The surest mistakes say what the network goes by, as in lesson 5. With pictures of your own there is one more reason
# to look at them: some may lie in the wrong folder.

# %%
worst = metrics.most_confident_mistakes(logits, labels, 12)
figure, (ax,) = figures.subplots(height=3.8)
evaluations.misclassified(ax, test_images[worst], logits[worst], labels[worst], dataset.classes)
figures.show(figure, "Up to twelve pictures, above each what it was taken for, below what it is.")

# %% [markdown]
# ## Use it
#
# A run's folder is all that is needed to classify a picture: it holds weights, settings and the classes' names. We
# write one test picture to a file; take any file of yours.

# %%
Image.fromarray(test_images[0]).save("one.png")
loaded = classifier.load_classifier("runs/final")
picture = image_files.read_image("one.png", loaded.dataset.image_shape)
(predictions,) = classifier.classify(loaded, picture[None], top_k=dataset.num_classes)
print("it is:", dataset.classes[test_labels[0]])
print(
    "probabilities sum to 1:",
    abs(sum(prediction.probability for prediction in predictions) - 1) < 1e-5,
)

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.4)
evaluations.predictions(left_ax, right_ax, picture, predictions[:10])
figures.show(figure, "A small picture, and the probability of each class.")

# %% [markdown]
# `export` writes a *SavedModel*: weights and computation together, cropping and standardizing included. TensorFlow
# alone can run it, also TensorFlow Serving or a program in C++ or Java. It takes any number of raw pictures.

# %%
model = classifier.export(loaded, tempfile.mkdtemp())
served = tf.saved_model.load(str(model)).signatures["serving_default"]
answers = served(images=tf.constant(test_images[:5]))
names = (model / "assets.extra" / "classes.txt").read_text().splitlines()
print("answers:", *sorted(answers), "of", len(names), "classes")
ours = loaded.logits(test_images[:5])
print("the same as here:", np.allclose(answers["logits"], ours, atol=1e-4))

# %% [markdown]
# What loads and serves it is TensorFlow alone. A test does so in a process that never imports cifarlab
# (`tests/evaluation/test_classifier.py`).
#
# ## The same from a terminal
#
# In cifarlab's folder, with your folder for `pictures`. `--dataset` takes a data set's name or the folder of its
# records.
#
# ```
# .venv/bin/python -c "from cifarlab.data import custom; custom.from_folder('pictures', 'mine')"
# .venv/bin/cifarlab train --dataset mine --recipe quick --max-steps 300 --batch-size 32 --train-dir runs/mine
# .venv/bin/cifarlab eval --run-once --checkpoint-dir runs/mine
# .venv/bin/cifarlab classify one.png --checkpoint-dir runs/mine
# .venv/bin/cifarlab export model --checkpoint-dir runs/mine
# ```
#
# The recipe flips; for digits add `--distortions contrast`. Distortions of your own and evened classes need Python.
#
# ## When it does not work
#
# | what you see | what it may be | what to do |
# | --- | --- | --- |
# | not better than the commonest class | labels that do not belong to their pictures | look at the sheet again |
# | the same, and the sheet is right | too few steps; what matters is too small | a few thousand steps; `size=64` |
# | training pictures right, test pictures not | too few pictures, learned by heart | more pictures; distortions |
# | test pictures right, new ones not | a leak; the new ones are of another kind | search for twins; add some of them |
# | too good to be true | a leak; a class that has its own background or camera | cover the subject: still right? |
# | a class that is never named | it is rare | more pictures of it, or repeat them; the mean of the classes |
# | "infinite or not a number" | the learning rate is too high | `initial_learning_rate` of a third |
#
# For the third row, `cifarlab.EvalConfig(eval_data="train_eval", ...)` evaluates the training pictures.
#
# ## Recap
#
# - One call makes a data set of a folder, arrays or a TensorFlow dataset; the rest follows from it.
# - Know what has to be beaten, by picture and by class; look at what the network sees, and search for twins.
# - Choose by held-out pictures and by a figure fixed beforehand; look at the test pictures once.
#
# **Try next:** put in your own pictures. Or take `part_hidden` out of `OURS`, run what follows again, and see whether
# the held-out pictures tell a difference.
#
# **Exercise:** [06_svhn](../exercises/06_svhn.ipynb), house numbers instead of animals: data, distortions and network.
