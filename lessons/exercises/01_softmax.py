# %% [markdown]
# # Exercise 1. Softmax: why does the network return logits?
#
# The tutorial says that `inference()` returns un-normalized logits, and asks you to make the network return normalized
# predictions, using softmax. You do that, and then find out by measurement why the tutorial's own network does not:
# what happens to the loss, to its gradient and to training when predictions that are normalized already go into a loss
# that normalizes.
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
# | 5. what training makes of it, in two sentences | 2 |
#
# Each task but the last has a cell to write in and below it a check, which says at once whether you are right, or what
# was expected, what came and what is probably the reason. Checks use the same numbers each time; when the notebook is
# graded, some are run once more with others.

# %%
import os
import tempfile

import cifarlab  # not found? docs/run-online.md
from cifarlab import teaching
from cifarlab.backend import tf
from cifarlab.plotting import figures, plots
from cifarlab.training import run_log

SEED, dataset = 0, cifarlab.load(os.environ.get("CIFARLAB_DATASET", "drawn"))
print(f"Data: {dataset.name}, {dataset.num_examples('train'):,} training pictures, seed {SEED}")

# %% [markdown]
# ## 1. From logits to probabilities
#
# Softmax turns the logits `z` of one picture into probabilities: class `i` gets `exp(z[i]) / sum(exp(z))`. Write it for
# a whole batch, from `tf.exp` and sums, without TensorFlow's own softmax, so that you meet what that one takes care of:
# a logit of 1,000 is rare, but neither its own picture nor the one beside it may become infinite or not a number.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tf.reduce_sum` has the arguments `axis` and `keepdims`. Which axis holds the classes, and what shape must the sums
# have so that dividing by them works row by row?
#
# </details>
#
# <details><summary>Hint 2: what to do about large logits</summary>
#
# Adding the same number to all logits of a picture changes none of its probabilities. So you may subtract from them,
# before `exp`, a number of that picture that makes its largest exponent harmless.
#
# </details>


# %% nbgrader={"grade_id": "softmax", "solution": true}
def softmax(logits: tf.Tensor) -> tf.Tensor:
    """The probabilities of the classes, float32[B, C], from their logits, float32[B, C]."""
    ### BEGIN SOLUTION
    exponentials = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade_id": "softmax-check", "grade": true, "locked": true, "points": 2}
teaching.check_softmax(softmax)

# %% nbgrader={"grade_id": "softmax-others", "grade": true, "locked": true, "points": 1}
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_softmax(softmax, key="public")
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Normalized predictions
#
# Now the network's own: a function that returns its normalized predictions for a batch of images, without changing
# anything in it. Use your `softmax`.
#
# <details><summary>Hint 1: where to look</summary>
#
# The tutorial's function for the logits of a batch is `cifarlab.inference(net, images)`; lesson 2 takes it apart.
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
    """A network's normalized predictions, float32[B, C], for images, float32[B, 24, 24, 3].

    The network computes afterwards what it computed before.
    """
    ### BEGIN SOLUTION
    return softmax(cifarlab.inference(net, images))
    ### END SOLUTION


# %% nbgrader={"grade_id": "probabilities-check", "grade": true, "locked": true, "points": 2}
teaching.check_probabilities(probabilities)

# %% [markdown]
# ## 3. The least that two softmaxes can reach
#
# The loss takes logits and applies a softmax to them. If the network applies one too, the loss sees numbers between 0
# and 1 instead of logits. **Predict**, before you write: a network that is perfectly sure and always right has a
# cross-entropy of 0 when it returns logits. What does it have when it returns probabilities?
#
# Write the answer as a function of the number of classes, in nats.
#
# <details><summary>Hint 1: where to look</summary>
#
# The best probabilities are 1 for the right class and 0 for the others. They now stand where the logits belong.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Write down the softmax of (1, 0, 0, ..., 0), C numbers, and take minus the natural logarithm of its first one. For
# ten classes the result lies between 1 and 2.
#
# </details>


# %% nbgrader={"grade_id": "smallest-loss", "solution": true}
def smallest_loss(num_classes: int) -> float:
    """The least cross-entropy, in nats, of a network whose probabilities go into a softmax once more."""
    ### BEGIN SOLUTION
    best = tf.one_hot([0], num_classes)
    return float(tf.nn.sparse_softmax_cross_entropy_with_logits([0], best)[0])
    ### END SOLUTION


# %% nbgrader={"grade_id": "smallest-loss-check", "grade": true, "locked": true, "points": 2}
teaching.check_smallest_loss(smallest_loss)

# %% [markdown]
# ## 4. What the second softmax does to the gradient
#
# The gradient of every weight passes through the gradient of the loss with respect to the logits. Compute that one for
# both losses, with `tf.GradientTape`: for the mean cross-entropy of the logits themselves, and for the mean
# cross-entropy of `softmax(logits)` taken for logits. `tf.nn.sparse_softmax_cross_entropy_with_logits(labels, values)`
# gives the cross-entropy of each picture.
#
# <details><summary>Hint 1: where to look</summary>
#
# The loss is the mean over the batch. A tape records by itself what is computed from variables; a plain tensor has to
# be watched. After one question a tape is used up, unless it is told to stay.
#
# </details>
#
# <details><summary>Hint 2: what to do</summary>
#
# Open a tape with `persistent=True`, call its `watch(logits)`, and compute both mean losses inside its block. After
# the block, ask for `tape.gradient(loss, logits)` of each.
#
# </details>


# %% nbgrader={"grade_id": "gradients", "solution": true}
def gradients(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of the mean loss of one softmax, and of two, each float32[B, C].

    Args:
        logits: float32[B, C], with respect to which the gradients are taken.
        labels: int32[B].
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
# When the notebook is graded: the same check with other numbers.
### BEGIN HIDDEN TESTS
teaching.check_gradients(gradients, key="public")
### END HIDDEN TESTS

# %% [markdown]
# Now use it. A network that is surely wrong should learn the most: let the right class's logit be far below another
# one's, and see how long the two gradients are.

# %%
print(f"the least that two softmaxes can reach: {smallest_loss(10):.3f} nats")
for behind in (0, 2, 4, 8, 12):
    logits = tf.constant([[0.0, behind] + [0.0] * 8])
    once, twice = (float(tf.norm(gradient)) for gradient in gradients(logits, tf.constant([0])))
    print(f"{behind:2d} behind: gradient with one softmax {once:.3f}, with two {twice:.2g}")

# %% [markdown]
# ## 5. What training makes of it
#
# Last, the real thing: the tutorial's network, and one that returns probabilities as its last stage, trained equally
# long from the same initial weights on the same pictures. That takes up to a minute.


# %%
class Normalized(cifarlab.ConvNet):
    """The tutorial's network with a softmax as its last stage."""

    def stages(self, images):
        stages = super().stages(images)
        return stages._replace(softmax_linear=tf.nn.softmax(stages.softmax_linear))


# %%
def train(net, steps=200):
    """Trains a network; returns the cross-entropy of each tenth step."""
    with tempfile.TemporaryDirectory() as folder:
        config = cifarlab.TrainConfig(train_dir=folder, seed=SEED, max_steps=steps, batch_size=64)
        cifarlab.train(config, network=net, dataset=dataset)
        log = [event for event in run_log.read_log(folder) if event["event"] == "step"]
    return [e["step"] for e in log], [e["averaged_losses"]["cross_entropy"] for e in log]


# %%
networks = {"logits": cifarlab.ConvNet(seed=SEED), "probabilities": Normalized(seed=SEED)}
curves = {f"returns {name}": train(net) for name, net in networks.items()}
last = {name: values[-1] for name, (_, values) in curves.items()}
print("with logits the cross-entropy fell below 2.0:", last["returns logits"] < 2.0)
print("with probabilities it stayed above 2.1:", last["returns probabilities"] > 2.1)

# %%
figure, (ax,) = figures.subplots()
plots.lines(ax, curves, title="Which network learns?", x="step", y="cross-entropy (nats)")
least = smallest_loss(10)
ax.axhline(least, color="black", linewidth=0.8, linestyle="--")
ax.text(0, least + 0.02, "the least that two softmaxes can reach", fontsize=9)
figures.show(
    figure,
    "Two curves that start at 2.3. With logits it falls to below 2; with probabilities it hardly "
    "falls. A dashed line at 1.46 is the least that the latter could reach.",
)

# %%
images, labels = next(iter(cifarlab.inputs(dataset, batch_size=1000)))
shares = {}
for name, net in networks.items():
    right = tf.argmax(net(images), -1, output_type=tf.int32) == labels
    shares[name] = float(tf.reduce_mean(tf.cast(right, tf.float32)))
print(
    "10 points more of the test pictures right:", shares["logits"] > shares["probabilities"] + 0.1
)

# %%
# NBVAL_IGNORE_OUTPUT
for name in networks:
    loss = last[f"returns {name}"]
    print(
        f"returns {name}: cross-entropy {loss:.2f}, {shares[name]:.0%} of the test pictures right"
    )

# %% [markdown]
# (`Normalized` has TensorFlow's own softmax, so that this part does not depend on yours. The loss is a moving average
# over batches, as on the tutorial's console.)

# %% [markdown] nbgrader={"grade_id": "question", "locked": true}
# **Explain in two sentences:** why does the network that returns probabilities learn more slowly, and why is its
# cross-entropy no measure of how sure it is? Name a figure that you measured above in each.
#
# *How it is graded, 2 points:* one for what happens to the gradient, with a figure from task 4; one for what happens to
# the loss, with the figure of task 3.

# %% [markdown] nbgrader={"grade_id": "explanation", "grade": true, "solution": true, "points": 2}
# The gradient has to pass through one more softmax, which leaves a tenth of it while all logits are equal (0.095
# instead of 0.949) and hardly any where the network is surely wrong (0.000016 instead of 1.414 at 12 behind), so each
# step moves the weights less. And the cross-entropy lies between 1.46 and 2.46 nats whatever the network says, since
# the second softmax sees numbers between 0 and 1 only: even perfect certainty costs 1.46, the figure of task 3.

# %% [markdown]
# ## Recap
#
# - A network's predictions are the softmax of its logits; the order of the classes is the same for both.
# - The loss takes logits, because it can normalize more exactly, and because a softmax too many bounds the loss and
#   flattens its gradient.
# - So: logits into the loss, probabilities to people.
#
# **Try next:** give `Normalized` a last stage of 10 times the probabilities. What is the smallest loss now, and does it
# learn?
