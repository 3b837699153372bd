"""With an additional axis for the towers."""

from cifarlab.backend import tf

CHECK = "check_shares"


def answer(images, labels, towers):
    size = images.shape[0] // towers
    if size * towers != images.shape[0]:
        raise ValueError(f"unequal shares of {images.shape[0]} images for {towers} towers")
    by_tower = tf.reshape(images, [towers, size, *images.shape[1:]])
    return [(by_tower[tower], tf.reshape(labels, [towers, -1])[tower]) for tower in range(towers)]
