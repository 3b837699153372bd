# %% [markdown]
# # 7. Your own data: from a folder of images to a classifier
#
# How do I get from a folder of my own images to a classifier? In the tutorial's program the numbers of classes, images
# and pixels are constants. Here they follow from the data, so most of the work is not programming but looking: at what
# the network will see, at what it has to beat, and at what a good number may hide.
#
# **You need** lessons 1 to 5. **You will be able to** create a dataset from a folder, from arrays or from a TensorFlow
# dataset; say which precision a network has to beat; search for leaks; choose distortions and write one; choose between
# two ways of training without looking at the test images; see what imbalanced classes do, and do something about it;
# export the result and use it where cifarlab is not installed.
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
print(f"Data: {some} images, seed 0")

# %% [markdown]
# ## A folder for each class
#
# `from_folder` reads what most people have: a folder that contains one folder per class, named after the class. The
# images in it may have any names, any size, and any format that Pillow can read. If they are already split, such
# folders lie below `train` and `test`, or below `train`, `val` and `test`; other common names will do as well.
#
# **To use your own photos**, write the path of such a folder into the line with `PICTURES` above, or start JupyterLab
# with `CIFARLAB_PICTURES=FOLDER make lab`. No cell below refers to a class by name, so all of them run on your photos,
# too. (The text describes what you see with ours.) If you set nothing, we create a folder with images of four of the
# course's classes. The first class has eight times as many images as the last, because in real folders, too, some
# things are rare.

# %%
from PIL import Image

home = Path(PICTURES).expanduser().resolve() if PICTURES else Path("pictures")
os.chdir(tempfile.mkdtemp())  # everything that this lesson writes goes here
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
        print(f"{folder.name}: {len(files):,} images,", *(f.name for f in files[:3]), "...")

# %% [markdown]
# ## One call
#
# `from_folder` scales each image to fill a square of 32 pixels, and keeps the center. It sets aside about a fifth of
# each class as test images. They are chosen at random, each by its name, so no image changes sides if you add some and
# call it again. Then it writes two files of records like those of lesson 1, in shuffled order, and a
# description. From now on that folder is the dataset, and it no longer matters where your photos are. The `summary`
# says what was understood: read it before you train.

# %%
dataset = custom.from_folder(home, "mine")
print(dataset.summary)

# %%
print("written:", *sorted(os.listdir("mine")))
train_count, test_count = dataset.num_examples("train"), dataset.num_examples("test")
print(f"{train_count:,} training and {test_count:,} test images, {dataset.image_shape}")
print(f"{dataset.num_classes} logits, crops of {dataset.crop_size} x {dataset.crop_size}")

# %% [markdown]
# A damaged image, a class with a single image, a folder without classes: each of these would give a one-line error
# message, and nothing would be written. (With `skip_unreadable=True`, damaged images are left out, and the summary says
# so.) What can still be wrong is what no program can see. So look, as in lesson 4, at the images *as the network gets
# them*, cropped to 24 x 24.

# %%
batch, named = next(iter(cifarlab.inputs(dataset, "train", batch_size=500)))
seen = image_grids.rescale_to_255(batch)
rows = {name: seen[named == label][:14] for label, name in enumerate(dataset.classes[:12])}
figure, (ax,) = figures.subplots(height=0.4 + 0.55 * len(rows))
image_grids.image_grid(ax, rows, title="Can you tell the classes at this size?")
figures.show(figure, "A row of small square images for each class, in strong contrast.")

# %% [markdown]
# If *you* cannot tell the classes apart, because the difference is small or close to the edge, the network hardly can
# either. In that case `from_folder(..., size=64)` keeps more detail. But it costs more: with four times as many pixels,
# each convolution does four times the work, and `local3`, by far the largest layer, has four times as many weights.
#
# ## Two other ways in
#
# Arrays, such as those from a numpy file, go through `from_arrays`. Images without a channel axis are grayscale, and if
# you do not pass `test`, test images are drawn from the others. Here are our images in grayscale.


# %%
def read(data, split):
    """Returns all images and labels of one split of a dataset."""
    parts = [records.read_records(f, data.image_shape, data.num_classes) for f in data.files(split)]
    return tuple(map(np.concatenate, zip(*parts, strict=True)))


# %%
train_images, train_labels = read(dataset, "train")
test_images, test_labels = read(dataset, "test")
test = (test_images.mean(axis=-1), test_labels)
gray = custom.from_arrays(train_images.mean(axis=-1), train_labels, "gray", test=test)
print(f"{gray.image_shape}: {gray.num_examples('train'):,} and {gray.num_examples('test'):,}")

# %% [markdown]
# Anything that provides a `tf.data.Dataset` of (image, label) goes through `from_tf_dataset`: TensorFlow Datasets'
# `tfds.load` with `as_supervised=True`, Keras' `image_dataset_from_directory`, or your own pipeline. All its images
# must have the same size, and a single `map` takes care of that. Here it scales them down to half the size.


# %%
def halved(images, labels):
    """Halves the size of images, as a step of a TensorFlow pipeline."""
    return tf.image.resize(images, [16, 16]), labels


# %%
slices = (tf.data.Dataset.from_tensor_slices(read(dataset, part)) for part in ("train", "test"))
small = custom.from_tf_dataset(*(part.batch(100).map(halved) for part in slices), "small")
print(f"{small.image_shape}: {small.num_examples('train'):,} and {small.num_examples('test'):,}")

# %% [markdown]
# It writes the images in the order in which they arrive. If that is class by class, it shuffles them, and the summary
# says so: the shuffle queue of lesson 1 holds only part of an epoch, so it cannot undo such an order.
#
# ## What has to be beaten?
#
# A precision of 80 % is good for ten equally common classes, and worthless if nine out of ten images show the same
# thing. So first find out what you get without looking at the images, by always answering the most common class, the
# *majority class*. (`cifarlab train` prints the last line below whenever classes are imbalanced.)

# %%
from cifarlab.monitoring import console

counts = dataset.class_counts("test")
for name, train, test in zip(dataset.classes, dataset.class_counts("train"), counts, strict=True):
    print(f"{name:12} {train:6,} for training {test:6,} for testing")
print(f"to beat: {dataset.majority_class()[1]:.1%}")
console.warn_if_imbalanced(dataset)

# %% [markdown]
# Conversely, a precision may be high and still hide a failure. Imagine a network that is right on every test image
# except those of the rarest class, which it never answers.
#
# **Predict:** what is its precision @ 1? And what is the mean of the per-class precisions, in which each class counts
# the same, no matter how many images it has? (The share of correct answers within a class is also called its *recall*,
# and the mean over all classes *balanced accuracy*.)


# %%
def balanced(matrix):
    """Returns the mean of the per-class precisions, from a confusion matrix."""
    return np.mean(np.diag(matrix) / np.maximum(matrix.sum(axis=1), 1))


# %%
rarest = counts.argmin()
matrix = np.diag(counts)
matrix[rarest] = np.roll(matrix[rarest], 1)  # the rarest class is mistaken for the next one
print(f"precision @ 1: {np.trace(matrix) / matrix.sum():.1%}")
print(f"mean of the classes: {balanced(matrix):.1%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# In our folder 24 of the 393 test images belong to the rarest class, so precision @ 1 is 369 / 393. The mean over four
# classes, three at 100 % and one at zero, is 75 %. If you only read the first number, you see no failure.
#
# </details>
#
# ## Two sides that must not know each other
#
# You will try things and keep what works best. If you choose by the test images, the best result is partly luck, and
# more so the more you try. Then it is no longer an estimate of how the network does on new images. So we hold out some
# *training* images to choose by, and look at the test images only once, at the end.

# %%
held = holdout.hold_out(dataset, "held", examples=train_count // 5)
print(f"{held.num_examples('train'):,} to train on, {held.num_examples('test'):,} to choose by")
print("held out of the rarest class:", held.class_counts("test").min())

# %% [markdown]
# `hold_out` takes the last images, not a random sample. Because `from_folder` wrote them in shuffled order, that is a
# fair sample. If the order of your files has a meaning, it is not. (If your folder has a third part, `val`, you need
# no `hold_out`: these images are the dataset's validation images, and `EvalConfig(eval_data="validation")` uses them.)
#
# The second way to fool yourself is a *leak*: nearly identical images on both sides, such as frames of one film, a
# burst of shots, or a photo that was saved twice. The network memorizes one and "recognizes" the other, and a random
# split causes exactly that. If your photos are related, split them by film, by day or by person into `train/<class>/`
# and `test/<class>/`. `from_folder` uses the two sides as they are. To choose by whole films as well, put some of them
# into `val/<class>/`.
#
# Images that are *identical* are found for you: the last line of the summary counts them, and `remove_duplicates=True`
# leaves them out of the training images. Here three training images are among the test images, too.

# %%
leak = (
    np.concatenate([test_images, train_images[:3]]),
    np.concatenate([test_labels, train_labels[:3]]),
)
for remove in (False, True):
    leaky = custom.from_arrays(
        train_images, train_labels, "leaky", test=leak, remove_duplicates=remove
    )
    print(leaky.summary.splitlines()[-1])

# %% [markdown]
# Only you can judge images that are *nearly* identical. So search for them before you train: for each test image, which
# training image is the closest? We compare coarse copies of 8 x 8 pixels. If a search finds nothing, the search itself
# may be broken, so we plant a duplicate, shifted by one pixel.


# %%
def coarse(images):
    """Returns small copies of images, one row of numbers per image."""
    return tf.reshape(tf.image.resize(images, [8, 8], "area"), [len(images), -1]).numpy()


# %%
planted = np.roll(train_images[:1], 1, axis=2)
suspects = np.concatenate([planted, test_images[:1000]])
a, b = coarse(suspects), coarse(train_images)
distances = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T  # squared
closest = distances.min(axis=1).argsort()[:14]
print("the planted duplicate comes first:", closest[0] == 0)

# %%
twins = train_images[distances[closest].argmin(axis=1)]
figure, (ax,) = figures.subplots(height=1.45)
title = "Which test images have a near-duplicate in the training set?"
image_grids.image_grid(ax, {"test": suspects[closest], "training": twins}, title=title)
figures.show(
    figure, "Pairs of images, most similar on the left; the leftmost pair shows the same thing."
)

# %% [markdown]
# The pair on the left is the planted one. Move to the right until the two are clearly different images. With the drawn
# images you get there at once: backgrounds are alike, subjects differ. In a folder from the web it may take a while,
# and every duplicate that you find on the way must be removed from one of the sides.
#
# ## What may be distorted?
#
# A distorted image must keep its class. That is the whole theory, and only you know whether it holds for your images.
#
# **Predict:** which of flip, brightness and contrast would you allow for handwritten letters, for traffic lights, for
# photos of skin, for arrows on road signs?
#
# <details><summary>Answer</summary>
#
# Letters: no flip, since b would become d. Arrows: no flip either, since left would become right. Traffic lights: a
# flip does no harm, nor does contrast, which treats red and green alike. Skin: a flip is fine, and so is turning the
# image upside down (with your own function), but no contrast if paleness is what matters. Brightness makes no
# difference for any of the four: standardization removes it again (lesson 1).
#
# </details>
#
# The setting `distortions` lists the ones to use, such as `"brightness,contrast"` for digits. You can also write your
# own: a function of a batch and a seed. `distortions.per_image_uniform` gives it a random number for each image, always
# the same for the same seed, so that a run can be repeated. `stream` makes its random numbers independent of those of
# other distortions. Ours covers a square with the image's mean color, so that the network cannot rely on a single part.


# %%
def part_hidden(images, seed, size=8):
    """Covers a square at a random position in each image."""
    images = tf.cast(images, tf.float32)
    along = tf.range(images.shape[1], dtype=tf.float32)
    center = distortions.per_image_uniform(images, [2, 1, 1], seed, stream=10, high=images.shape[1])
    rows, columns = tf.abs(along[:, None] - center[:, 0]), tf.abs(along - center[:, 1])
    covered = tf.maximum(rows, columns) < size / 2  # [B, rows, columns]
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    return tf.where(covered[..., None], mean, images)


# %% [markdown]
# Look at it before you use it. Here is one image with ten random draws of each distortion. We use two of them.

# %%
crop = distortions.central_crop(train_images[:1], dataset.crop_size)
kinds = {name: distortions.BY_NAME[name] for name in ("flip", "brightness", "contrast")}
kinds["part hidden"] = part_hidden
rows = {name: kind(tf.repeat(crop, 10, axis=0), seed=[0, 0]) for name, kind in kinds.items()}
figure, (ax,) = figures.subplots(height=2.8)
image_grids.image_grid(ax, rows, title="Is it still the same class?")
figures.show(
    figure,
    "Ten copies of an image in each of four rows: mirrored, lighter, grayer, partly covered.",
)

# %%
OURS = [distortions.random_flip, part_hidden]  # for digits and letters, leave out the flip

# %% [markdown]
# ## Two ways to train, and which is better
#
# The tutorial's settings are made for 50,000 images and hours of training. If you have less of both, use the recipe
# "quick": momentum, a learning rate that rises once and then falls to zero, and mixup, which trains on mixtures of two
# images. It was developed on CIFAR-10 (`benchmarks/recipes.md`), and its 18,000 steps of 128 are meant for that many
# images. We have far fewer images, so we take far fewer steps. Smaller batches give noisier gradients, so the rate is
# lower, too.

# %%
import shutil

from cifarlab import config

RECIPE = {**config.RECIPES["quick"], "batch_size": 32, "initial_learning_rate": 0.03}


# %%
def trained(data, steps, run):
    """Trains from scratch with our recipe and distortions."""
    settings = {**RECIPE, "dataset": data.name, "max_steps": steps, "train_dir": f"runs/{run}"}
    shutil.rmtree(settings["train_dir"], ignore_errors=True)
    return cifarlab.train(cifarlab.TrainConfig(**settings), dataset=data, distortions=OURS)


# %%
print(f"120 steps show each image {120 * 32 / held.num_examples('train'):.1f} times")

# %% [markdown]
# What can be done about a rare class? More images of it are best. Without them, you can show the existing ones more
# often, which is called *oversampling*. Here `from_arrays` gets the training images of each class repeated until there
# are as many as in the most common class. The test images stay as they are. (Split first, then repeat. The other way
# around, copies of one image would be on both sides: a leak.)


# %%
def oversampled(data, name):
    """Returns the dataset with the training images of rare classes repeated."""
    images, labels = read(data, "train")
    most = data.class_counts("train").max()
    places = [np.resize(np.flatnonzero(labels == label), most) for label in np.unique(labels)]
    again = np.concatenate(places)
    made = {"classes": data.classes, "crop_size": data.crop_size}
    return custom.from_arrays(images[again], labels[again], name, test=read(data, "test"), **made)


# %%
held_oversampled = oversampled(held, "held_oversampled")
print("to train on:", *held.class_counts("train"))
print("oversampled:", *held_oversampled.class_counts("train"))

# %% [markdown]
# **Predict:** we train on both datasets, for the same number of steps, and evaluate both networks on the same held-out
# images. Which one has the better precision @ 1? Which one has the better mean of the classes?


# %%
def confusion_of(state, data):
    """Returns the confusion matrix of the averaged weights on a dataset's test images."""
    logits, labels = evaluator.logits_and_labels(
        state.averages, cifarlab.inputs(data, batch_size=500)
    )
    return metrics.confusion_matrix(logits, labels)


# %%
results = {
    "as is": confusion_of(trained(held, 120, "as_is"), held),
    "oversampled": confusion_of(trained(held_oversampled, 120, "oversampled"), held),
}


# %%
def percent(rule, baseline):
    """Applies a rule to both confusion matrices, and adds the majority class as a baseline."""
    ruled = {name: round(100 * rule(matrix)) for name, matrix in results.items()}
    return {"majority class": round(100 * baseline)} | ruled


def overall(matrix):
    """Returns precision @ 1, from a confusion matrix."""
    return np.trace(matrix) / matrix.sum()


# %%
by_picture = percent(overall, held.majority_class()[1])
by_class = percent(balanced, 1 / dataset.num_classes)

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=3, sharey=True)
y = "correct, of the held-out images (%)"
plots.bars(left_ax, by_picture, title="Which is better per image?", y=y)
plots.bars(right_ax, by_class, title="Which is better per class?", y="")
leaders = [max(values, key=values.get) for values in (by_picture, by_class)]
figures.show(
    figure, "Two charts of three bars. Highest on the left: {}; on the right: {}.".format(*leaders)
)

# %%
found = {name: m[rarest, rarest] / max(m[rarest].sum(), 1) for name, m in results.items()}
print("as is, more images are correct:", by_picture["as is"] > by_picture["oversampled"])
print("oversampled, the mean is higher:", by_class["as is"] < by_class["oversampled"])
print("as is, less than 20 % of the rarest class:", bool(found["as is"] < 0.2))
print("oversampled, more than 30 % of the rarest class:", bool(found["oversampled"] > 0.3))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Trained on the data as is, the network is right on more images: when in doubt, it answers a common class, and that
# pays. But it recognizes almost nothing in the rarest class. That is the failure that we imagined above, with a
# precision of about 70 %. With oversampling you lose about ten points of that, and about half of the images of the
# rarest class or more are recognized. (How many depends on chance, too: so few of them are held out.)
#
# </details>
#
# Which one is better? The images cannot tell you; it depends on what mistakes cost. If future images are distributed
# like yours and all mistakes are equally bad, it is the first. If the rare class is what you are looking for, such as a
# disease or a crack in a rail, it is the second. Decide which number to choose by *before* you see the numbers. We
# decide that each class counts the same.
#
# ## The one look at the test images
#
# Once the choice is made, the held-out images may be used for training. So we train on all training images,
# oversampled, for more steps.
#
# **Predict:** how good will it be on the test images? Write down two numbers, precision @ 1 and the mean of the
# classes.

# %%
final = trained(oversampled(dataset, "final"), 200, "final")
logits, labels = evaluator.logits_and_labels(
    final.averages, cifarlab.inputs(dataset, batch_size=500)
)
matrix = metrics.confusion_matrix(logits, labels)

# %% tags=["result"]
low, high = metrics.wilson_interval(int(np.trace(matrix)), int(matrix.sum()))
print(f"precision @ 1 has an uncertainty of {100 * (high - low) / 2:.0f} points")
print("it is above the value to beat:", bool(low > dataset.majority_class()[1]))
print("the mean of the classes is above 70 %:", bool(balanced(matrix) > 0.7))

# %%
figure, (ax,) = figures.subplots(height=3)
evaluations.per_class_accuracy(ax, matrix, dataset.classes)
figures.show(
    figure, "One bar per class, of different heights; the rarest class has the longest error bar."
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Both come to about 80 %, and the mean of the classes is the higher one. (The earlier network had a fifth fewer
# training images and two fifths fewer steps.) The dashed line is precision @ 1, and the mean of the bars is the other
# number.
#
# </details>
#
# Read the error bars before the bars. A rare class also has few test images, so you can say little about it:

# %%
few = counts[rarest]
low, high = metrics.wilson_interval(few * 4 // 5, few)
print(f"{few * 4 // 5} of {few} correct: between {low:.0%} and {high:.0%}")

# %% [markdown]
# More images of a rare class help twice: in training, and in knowing how good the network is.
#
# ## What remains to be done?
#
# The rarest class is now recognized. But which images does the network *mistake* for it?
#
# **Predict:** when it answers the rarest class, how often is that correct?

# %%
figure, (ax,) = figures.subplots(height=2.2 + 0.28 * dataset.num_classes)
evaluations.confusion(ax, matrix, dataset.classes)
figures.show(figure, "A square table of percentages, with a diagonal that is darker than the rest.")

# %%
answered = matrix[:, rarest].sum()
print("the network answers the rarest class more often than it occurs:", bool(answered > few))
wrong = answered - matrix[rarest, rarest]
print("more than a third of these answers are wrong:", bool(wrong > answered / 3))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Here it is correct less than half the time. Read the *column* of the rarest class: a small share of the common classes
# is as many images as the rare class has. That is the price of training as if all classes were equally common. The
# network now expects the rare class as often as any other.
#
# </details>
#
# What to do about it is again a question of costs. Repeating the rare images half as often is a compromise, and the
# held-out images can tell you how far to go.
#
# As in lesson 5, the most confident mistakes show what the network relies on. With your own photos there is one more
# reason to look at them: some may be in the wrong folder.

# %%
worst = metrics.most_confident_mistakes(logits, labels, 12)
figure, (ax,) = figures.subplots(height=3.8)
evaluations.misclassified(ax, test_images[worst], logits[worst], labels[worst], dataset.classes)
figures.show(
    figure, "Up to twelve images, each with the network's answer above and the true class below."
)

# %% [markdown]
# ## Use it
#
# The folder of a run is all you need to classify an image: it holds the weights, the settings and the class names. We
# write one test image to a file. You can use any file of your own.

# %%
Image.fromarray(test_images[0]).save("one.png")
loaded = classifier.load_classifier("runs/final")
picture = image_files.read_image("one.png", loaded.dataset.image_shape)
(predictions,) = classifier.classify(loaded, picture[None], top_k=dataset.num_classes)
print("true class:", dataset.classes[test_labels[0]])
print(
    "probabilities sum to 1:",
    abs(sum(prediction.probability for prediction in predictions) - 1) < 1e-5,
)

# %%
figure, (left_ax, right_ax) = figures.subplots(1, 2, height=2.4)
evaluations.predictions(left_ax, right_ax, picture, predictions[:10])
figures.show(figure, "A small image, and the probability of each class.")

# %% [markdown]
# `export` writes a *SavedModel*: weights and computation together, including cropping and standardizing. It needs only
# TensorFlow to run, and it also runs in TensorFlow Serving or in a program in C++ or Java. It accepts any number of raw
# images.

# %%
model = classifier.export(loaded, tempfile.mkdtemp())
served = tf.saved_model.load(str(model)).signatures["serving_default"]
answers = served(images=tf.constant(test_images[:5]))
names = (model / "assets.extra" / "classes.txt").read_text().splitlines()
print("answers:", *sorted(answers), "of", len(names), "classes")
ours = loaded.logits(test_images[:5])
print("same logits as here:", np.allclose(answers["logits"], ours, atol=1e-4))

# %% [markdown]
# Only TensorFlow is needed to load and serve it. A test does so in a process that never imports cifarlab
# (`tests/evaluation/test_classifier.py`).
#
# ## The same from a terminal
#
# Run these commands in cifarlab's folder, with the path of your folder in place of `pictures`. The first one prints the
# summary; its options are the arguments of `from_folder`. `--dataset` takes the name of a dataset or the folder of its
# records.
#
# ```
# .venv/bin/cifarlab data pictures --as mine
# .venv/bin/cifarlab train --dataset mine --recipe quick --max-steps 200 --batch-size 32 --train-dir runs/mine
# .venv/bin/cifarlab eval --run-once --checkpoint-dir runs/mine
# .venv/bin/cifarlab classify one.png --checkpoint-dir runs/mine
# .venv/bin/cifarlab export model --checkpoint-dir runs/mine
# ```
#
# The recipe includes flips; for digits, add `--distortions contrast`. Your own distortions and oversampling require
# Python. So does another network: `cifarlab.model.keras_network.KerasNetwork(model)` makes one of a Keras model, for
# `train(config, network=...)` and `evaluate(config, network=...)` (`docs/extending.md`).
#
# ## When it does not work
#
# | what you see | possible cause | what to do |
# | --- | --- | --- |
# | no better than the most common class | labels that do not match their images | look at the grid of images again |
# | the same, but the grid is correct | too few steps; the differences are too small | a few thousand steps; `size=64` |
# | good on training images, bad on test images | too few images, which were memorized | more images; distortions |
# | good on test images, bad on new ones | a leak; the new images differ | search for near-duplicates; add new images |
# | too good to be true | a leak; each class has its own background or camera | cover the subject: is it still right? |
# | a class that is never the answer | the class is rare | more images of it; oversampling; the mean of the classes |
# | "infinite or NaN" | the learning rate is too high | a third of the `initial_learning_rate` |
#
# For the third row, `cifarlab.EvalConfig(eval_data="train_eval", ...)` evaluates the training images.
#
# ## Recap
#
# - One call creates a dataset from a folder, arrays or a TensorFlow dataset. The rest follows from it.
# - Know what has to be beaten, per image and per class. Look at what the network sees, and search for near-duplicates.
# - Choose by held-out images and by a number that you decided on beforehand. Look at the test images once.
#
# **Try next:** use your own photos. Or remove `part_hidden` from `OURS`, run the cells below it again, and see whether
# it makes a difference on the held-out images.
#
# **Exercise:** [06_svhn](../exercises/06_svhn.ipynb), house numbers instead of animals: data, distortions and network.
