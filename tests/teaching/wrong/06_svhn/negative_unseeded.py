"""Draws that do not depend on a seed."""

CHECK = "check_negative"
ADVICE = "the same seed gave two results"
ADVICE_ID = "negative.not-repeatable"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    (
        "distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.5",
        "tf.random.uniform([tf.shape(images)[0], 1, 1, 1]) < 0.5",
    ),
]
