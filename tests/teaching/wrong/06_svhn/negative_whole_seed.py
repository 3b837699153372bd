"""TensorFlow's draws, which need a seed of exactly two numbers."""

CHECK = "check_negative"
ADVICE = "it fails in the pipeline"
ADVICE_ID = "negative.pipeline-fails"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    (
        "distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.5",
        "tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5",
    ),
]
