"""The draws are compared with the pixels' range."""

CHECK = "check_negative"
ADVICE = "no image became a negative"
ADVICE_ID = "negative.all-or-none"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    (
        "distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.5",
        "255 * distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.0",
    ),
]
