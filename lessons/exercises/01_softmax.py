# %% [markdown]
# # Exercise 1. Softmax: why does the network return logits?
#
# The tutorial says that `inference()` returns un-normalized logits, and it asks you to edit the network so that it
# returns normalized predictions, using softmax. You will do that, and then measure why the tutorial's own network does
# not. What happens to the loss, to its gradient and to training when predictions that are already normalized go into a
# loss that normalizes them again?
#
# **Continues** lesson 3, loss and learning rate. **Time**: 40 minutes. **Difficulty**: 1 of 3.
#
# **Hand in** this notebook, with four functions written and one question answered. **Points**: 12.
#
# | task | points |
# | --- | ---: |
# | 1. `softmax` | 3 |
# | 2. `probabilities` | 2 |
# | 3. `smallest_loss` | 2 |
# | 4. `gradients` | 3 |
# | 5. what it does to training, in two sentences | 2 |
#
# Below each task, a check tells you at once whether your answer is correct and, if not, what was expected, what your
# code returned and the likely cause. (The last task is a question that you answer in words.) The checks use the same
# numbers every time. When your notebook is graded, some of them run again with different numbers.

# %%
import os
import tempfile

import cifarlab  # not found? docs/run-online.md
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.plotting import figures, plots
from cifarlab.training import run_log

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training images, seed {SEED}")

# %% [markdown]
# ## 1. From logits to probabilities
#
# Softmax turns the logits `z` of one image into probabilities: class `i` gets `exp(z[i]) / sum(exp(z))`. Write it for a
# whole batch, using `tf.exp` and sums but not TensorFlow's own softmax, so that you meet the problem that TensorFlow's
# version solves for you. A logit of 1,000 is rare, but it must not turn any result into infinity or NaN, neither for
# its own image nor for the others in the batch.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.reduce_sum` has the arguments `axis` and `keepdims`. Which axis holds the classes, and what shape must the sums
# have so that you can divide each row by its own sum?
#
# </details>
#
# <details><summary>Hint 2: what to do about large logits</summary>
#
# Adding the same number to all logits of an image does not change its probabilities. So before you take `exp`, you may
# subtract a number of your choice from each row. Choose one that makes the row's largest exponent harmless.
#
# </details>


# %% nbgrader={"grade_id": "softmax", "solution": true}
def softmax(logits: tf.Tensor) -> tf.Tensor:
    """Returns the class probabilities, float32[B, C], for logits, float32[B, C]."""
    ### BEGIN SOLUTION
    exponentials = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade_id": "softmax-check", "grade": true, "locked": true, "points": 2}
teaching.check_softmax(softmax)

# %% nbgrader={"grade_id": "softmax-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_softmax(softmax, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Normalized predictions
#
# Now do the same for a network: write a function that returns its normalized predictions for a batch of images and
# leaves the network unchanged. Use your `softmax`.
#
# <details><summary>Hint 1: where to look</summary>
#
# The tutorial's function that computes the logits of a batch is `cifarlab.inference(net, images)`. Lesson 2 takes it
# apart.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Two calls, one inside the other.
#
# </details>


# %% nbgrader={"grade_id": "probabilities", "solution": true}
def probabilities(net: cifarlab.ConvNet, images: tf.Tensor) -> tf.Tensor:
    """Returns a network's normalized predictions, float32[B, C], for images, float32[B, 24, 24, 3].

    The network itself is not changed.
    """
    ### BEGIN SOLUTION
    return softmax(cifarlab.inference(net, images))
    ### END SOLUTION


# %% nbgrader={"grade_id": "probabilities-check", "grade": true, "locked": true, "points": 2}
teaching.check_probabilities(probabilities)

# %% [markdown]
# ## 3. The smallest loss with two softmaxes
#
# The loss takes logits and applies a softmax to them. If the network has already applied one, the loss receives numbers
# between 0 and 1 instead of logits. **Predict**, before you write any code: a network that is perfectly certain and
# always right has a cross-entropy of 0 if it returns logits. What is its cross-entropy if it returns probabilities?
#
# Write the answer as a function of the number of classes, in nats.
#
# <details><summary>Hint 1: where to look</summary>
#
# The best possible probabilities are 1 for the correct class and 0 for all others. Here they are passed in where the
# loss expects logits.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Write down the softmax of the C numbers (1, 0, 0, ..., 0), and take minus the natural logarithm of its first element.
# For ten classes, the result is between 1 and 2.
#
# </details>


# %% nbgrader={"grade_id": "smallest-loss", "solution": true}
def smallest_loss(num_classes: int) -> float:
    """Returns the smallest cross-entropy, in nats, if probabilities go through a second softmax."""
    ### BEGIN SOLUTION
    best = tf.one_hot([0], num_classes)
    return float(tf.nn.sparse_softmax_cross_entropy_with_logits([0], best)[0])
    ### END SOLUTION


# %% nbgrader={"grade_id": "smallest-loss-check", "grade": true, "locked": true, "points": 2}
teaching.check_smallest_loss(smallest_loss)

# %% [markdown]
# ## 4. What the second softmax does to the gradient
#
# The gradient of every weight passes through the gradient of the loss with respect to the logits. Compute that gradient
# with `tf.GradientTape` for two losses: the mean cross-entropy of the logits themselves, and the mean cross-entropy
# that you get if you pass in `softmax(logits)` as if it were the logits.
# `tf.nn.sparse_softmax_cross_entropy_with_logits(labels, values)` returns the cross-entropy of each image.
#
# <details><summary>Hint 1: where to look</summary>
#
# The loss is the mean over the batch. A tape automatically records what is computed from variables, but a plain tensor
# has to be watched. And unless you ask for a persistent tape, you can call `gradient` on it only once.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Open a tape with `persistent=True`, call its `watch(logits)`, and compute both mean losses inside the `with` block.
# After the block, call `tape.gradient(loss, logits)` for each of them.
#
# </details>


# %% nbgrader={"grade_id": "gradients", "solution": true}
def gradients(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradients of the mean loss with one softmax and with two, each float32[B, C].

    Args:
        logits: float32[B, C]; the gradients are taken with respect to these.
        labels: int32[B], the correct classes.
    """
    ### BEGIN SOLUTION
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        once = tf.reduce_mean(cross_entropy(labels, logits))
        twice = tf.reduce_mean(cross_entropy(labels, softmax(logits)))
    return tape.gradient(once, logits), tape.gradient(twice, logits)
    ### END SOLUTION


# %% nbgrader={"grade_id": "gradients-check", "grade": true, "locked": true, "points": 2}
teaching.check_gradients(gradients)

# %% nbgrader={"grade_id": "gradients-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded, the same check runs here with different numbers.
### BEGIN HIDDEN TESTS
teaching.check_gradients(gradients, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now use it. A network that is certain and wrong has the most to learn. To simulate one, let the logit of the correct
# class lag far behind another logit, and compare the lengths of the two gradients.

# %%
print(f"smallest possible loss with two softmaxes: {smallest_loss(10):.3f} nats")
for behind in (0, 2, 4, 8, 12):
    logits = tf.constant([[0.0, behind] + [0.0] * 8])
    once, twice = (float(tf.norm(gradient)) for gradient in gradients(logits, tf.constant([0])))
    print(f"{behind:2d} behind: gradient with one softmax {once:.3f}, with two {twice:.2g}")

# %% [markdown]
# ## 5. What it does to training
#
# Finally, the real thing. We train two networks: the tutorial's, and one that returns probabilities as its last stage.
# Both start from the same initial weights and train for the same number of steps on the same images. This takes less
# than half a minute.


# %%
class Normalized(cifarlab.ConvNet):
    """The tutorial's network with a softmax as its last stage."""

    def stages(self, images):
        stages = super().stages(images)
        return stages._replace(softmax_linear=tf.nn.softmax(stages.softmax_linear))


# %%
def train(net, steps=160):
    """Trains a network; returns it with averaged weights, every tenth step, and its cross-entropy."""
    with tempfile.TemporaryDirectory() as folder:
        config = cifarlab.TrainConfig(train_dir=folder, seed=SEED, max_steps=steps, batch_size=24)
        averages = cifarlab.train(config, network=net, dataset=dataset).averages
        log = [event for event in run_log.read_log(folder) if event["event"] == "step"]
    losses = [event["averaged_losses"]["cross_entropy"] for event in log]
    return averages, [event["step"] for event in log], losses


# %%
networks = {"logits": cifarlab.ConvNet(seed=SEED), "probabilities": Normalized(seed=SEED)}
trained = {name: train(net) for name, net in networks.items()}
last = {name: losses[-1] for name, (_, _, losses) in trained.items()}
print("with logits, the cross-entropy fell below 2.2:", last["logits"] < 2.2)
print("with probabilities, it stayed above 2.2:", last["probabilities"] > 2.2)

# %%
figure, (ax,) = figures.subplots()
curves = {f"returns {name}": (steps, losses) for name, (_, steps, losses) in trained.items()}
plots.lines(ax, curves, title="Which network learns?", x="step", y="cross-entropy (nats)")
least = smallest_loss(10)
ax.axhline(least, color="black", linewidth=0.8, linestyle="--")
ax.text(0, least + 0.02, "smallest possible loss with two softmaxes", fontsize=9)
figures.show(
    figure,
    "Two curves start at 2.3. The one for logits falls to about 2; the one for probabilities "
    "hardly falls. A dashed line at 1.46 marks the smallest loss that the second network could reach.",
)

# %%
images, labels = next(iter(cifarlab.inputs(dataset, batch_size=1000)))
shares = {}
for name, (averages, _, _) in trained.items():
    right = tf.argmax(averages(images), -1, output_type=tf.int32) == labels
    shares[name] = float(tf.reduce_mean(tf.cast(right, tf.float32)))
ahead = shares["logits"] > shares["probabilities"] + 0.1
print("logits classify at least 10 points more of the test images correctly:", ahead)

# %%
# NBVAL_IGNORE_OUTPUT
for name, loss in last.items():
    print(
        f"returns {name}: cross-entropy {loss:.2f}, {shares[name]:.0%} of the test images correct"
    )

# %% [markdown]
# (`Normalized` uses TensorFlow's own softmax, so that this part does not depend on yours. The loss is a moving average
# over batches, as in the tutorial's console output. The images are classified with averaged weights, which change less
# from step to step; lesson 5 explains them.)

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in two sentences:** why does the network that returns probabilities learn more slowly, and why does its
# cross-entropy not tell you how certain it is? In each sentence, quote a number that you measured above.
#
# *How it is graded, 2 points:* one for what happens to the gradient, with a number from task 4; one for what happens to
# the loss, with the number from task 3.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# The gradient has to pass through a second softmax, which leaves a tenth of it when all logits are equal (0.095 instead
# of 0.949) and almost nothing when the network is certain and wrong (0.000016 instead of 1.414 when the correct logit
# is 12 behind), so each step moves the weights less. And the cross-entropy stays between 1.46 and 2.46 nats whatever
# the network predicts, because the second softmax only ever receives numbers between 0 and 1: even perfect certainty
# costs 1.46 nats, the number from task 3.

# %% [markdown]
# ## Recap
#
# - A network's predictions are the softmax of its logits. Softmax keeps the order of the classes, so the most probable
#   class is the one with the largest logit.
# - The loss takes logits because it can then normalize them in a numerically safer way. One softmax too many puts
#   bounds on the loss and flattens its gradient.
# - So give logits to the loss, and show probabilities to people.
#
# **Try next:** let the last stage of `Normalized` return 10 times the probabilities. What is the smallest possible loss
# now, and does the network learn?
