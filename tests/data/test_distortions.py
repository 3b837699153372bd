"""Each distortion has the same distribution as the function of tf.image with that name."""

import numpy as np
import pytest

from cifarlab import config
from cifarlab.backend import tf
from cifarlab.data import distortions

MANY = 4000
RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, [16, 32, 32, 3]).astype(np.uint8)
COORDINATES = np.stack(np.meshgrid(np.arange(32), np.arange(32), [0], indexing="ij"), -1)[:, :, 0].astype(np.float32)
"""float32[32, 32, 3]: each pixel contains its row and column."""


def copies(image, count=MANY):
    return tf.tile(image[None], [count, 1, 1, 1])


def same_distribution(a, b):
    """Asserts that two samples (with a range of about 1) have nearly the same quantiles."""
    quantiles = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(np.quantile(a, quantiles), np.quantile(b, quantiles), atol=0.06)


@pytest.mark.parametrize("compiled", [False, True])
def test_every_distortion_depends_only_on_its_seed(compiled):
    for distort in (distortions.random_crop, *distortions.BY_NAME.values()):
        f = tf.function(distort) if compiled else distort
        first, again, other = f(IMAGES, [1, 2]), f(IMAGES, [1, 2]), f(IMAGES, [1, 3])
        tf.random.set_seed(99)
        assert (f(IMAGES, [1, 2]).numpy() == first.numpy()).all()
        assert (first.numpy() == again.numpy()).all()
        assert not (first.numpy() == other.numpy()).all()
    tf.random.set_seed(None)


def test_crops_are_windows_at_uniform_positions():
    crops = distortions.random_crop(copies(COORDINATES), [5, 0]).numpy()
    assert crops.shape == (MANY, 24, 24, 3)
    corner = crops[:, 0, 0, :2].astype(int)
    window = COORDINATES[:24, :24, :2]
    assert (crops[..., :2] == corner[:, None, None] + window).all()
    namesake = np.stack([tf.image.random_crop(COORDINATES, [24, 24, 3], seed=i)[0, 0, :2] for i in range(600)])
    for axis in (0, 1):
        share = np.bincount(corner[:, axis], minlength=9) / MANY
        assert share.shape == (9,)  # places 0 to 8
        np.testing.assert_allclose(share, 1 / 9, atol=0.02)
        assert set(namesake[:, axis]) == set(range(9))
    assert abs(np.corrcoef(corner.T)[0, 1]) < 0.06  # row and column are independent


def test_central_crop_equals_tf_image():
    ours, theirs = distortions.central_crop(IMAGES), tf.image.resize_with_crop_or_pad(IMAGES, 24, 24)
    assert (ours.numpy() == theirs.numpy()).all()


def test_half_of_the_images_are_mirrored_and_nothing_else():
    image = IMAGES[0]
    flipped = distortions.random_flip(copies(image), [5, 0]).numpy()
    mirrored = (flipped == tf.image.flip_left_right(image).numpy()).all((1, 2, 3))
    untouched = (flipped == image).all((1, 2, 3))
    assert (mirrored ^ untouched).all()
    assert abs(mirrored.mean() - 0.5) < 0.03


def test_brightness_adds_one_uniform_number_to_each_image():
    image = IMAGES[0].astype(np.float32)
    changed = distortions.random_brightness(copies(image), [5, 0]).numpy()
    delta = (changed - image).reshape(MANY, -1)
    np.testing.assert_allclose(delta, delta[:, :1].repeat(delta.shape[1], 1), atol=1e-4)
    assert -63 <= delta.min() < -62
    assert 62 < delta.max() < 63.001
    theirs = np.stack([tf.image.random_brightness(image, 63.0, seed=i)[0, 0, 0] - image[0, 0, 0] for i in range(800)])
    same_distribution(delta[:, 0] / 126, theirs / 126)


def test_contrast_stretches_each_channel_about_its_own_mean():
    image = IMAGES[0].astype(np.float32)
    changed = distortions.random_contrast(copies(image), [5, 0]).numpy()
    mean = image.mean((0, 1))
    factor = ((changed - mean) / (image - mean)).reshape(MANY, -1)
    ours = np.median(factor, axis=1)
    exact = tf.stack([tf.image.adjust_contrast(image, f) for f in ours[:50]]).numpy()
    np.testing.assert_allclose(changed[:50], exact, atol=0.02)
    assert 0.2 <= ours.min() < 0.23
    assert 1.77 < ours.max() < 1.8001
    theirs = [
        np.median((tf.image.random_contrast(image, 0.2, 1.8, seed=i).numpy() - mean) / (image - mean))
        for i in range(400)
    ]
    same_distribution(ours / 1.6, np.array(theirs) / 1.6)


def test_standardize_equals_tf_image():
    images = np.concatenate([IMAGES, np.full([1, 32, 32, 3], 7, np.uint8)])
    ours, theirs = distortions.standardize(images).numpy(), tf.image.per_image_standardization(images).numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    np.testing.assert_allclose(ours[:16].mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(ours[:16].std((1, 2, 3)), 1, atol=1e-4)


def test_nearly_uniform_images_are_not_amplified():
    image = np.zeros([1, 24, 24, 3], np.uint8)
    image[0, 0, 0, 0] = 1
    deviation = max(image.std(), 1 / np.sqrt(image.size))
    assert distortions.standardize(image).numpy().max() == pytest.approx((1 - image.mean()) / deviation, rel=1e-4)


def test_draws_differ_from_image_to_image():
    for distort in (distortions.random_crop, distortions.random_brightness, distortions.random_contrast):
        results = distort(copies(IMAGES[0], 50), [5, 0]).numpy().reshape(50, -1)
        assert len(np.unique(results, axis=0)) > 25


def test_affine_rotates_stretches_and_shears_around_the_center():
    """Each image is transformed differently. The slopes of the new coordinates are the entries of its matrix."""
    rows, columns = np.meshgrid(np.arange(24.0), np.arange(24.0), indexing="ij")
    image = np.stack([rows, columns, np.full_like(rows, 100.0)], -1).astype(np.float32)
    turned = distortions.random_affine(copies(image), [5, 0]).numpy()
    middle = turned[:, 11:13, 11:13, :2].mean((1, 2))
    np.testing.assert_allclose(middle, 11.5, atol=1e-3)
    assert (abs(turned[..., 2] - 100) < 1e-3).all()
    slopes = np.stack([turned[:, 12, 11, :2] - turned[:, 11, 11, :2], turned[:, 11, 12, :2] - turned[:, 11, 11, :2]], 1)
    down, right = slopes[:, 0], slopes[:, 1]  # change of (row, column) per pixel, downward and to the right
    angle = np.degrees(np.arcsin(right[:, 0]))
    assert 14 < abs(angle).max() <= 15
    stretched = right[:, 1] / np.cos(np.radians(angle))
    assert 0.8 <= stretched.min() < 0.82
    assert 1.18 < stretched.max() <= 1.2
    slant = down[:, 1] + right[:, 0]
    assert 0.28 < abs(slant).max() <= 0.3
    assert abs(np.corrcoef([angle, stretched, slant]) - np.eye(3)).max() < 0.1


def test_draws_of_two_distortions_are_independent():
    delta = distortions.random_brightness(copies(IMAGES[0]), [5, 0]).numpy()[:, 0, 0, 0]
    corner = distortions.random_crop(copies(COORDINATES), [5, 0]).numpy()[:, 0, 0, 0]
    assert abs(np.corrcoef(delta, corner)[0, 1]) < 0.06


def test_standardization_cancels_brightness_but_not_contrast():
    plain = distortions.standardize(IMAGES).numpy()
    bright = distortions.standardize(distortions.random_brightness(IMAGES, [1, 1])).numpy()
    stretched = distortions.standardize(distortions.random_contrast(IMAGES, [1, 1])).numpy()
    assert np.abs(bright - plain).max() < 1e-4
    colored = IMAGES * np.array([1.0, 0.5, 0.2], np.float32)  # channels with different means, as in real images
    gap = distortions.standardize(distortions.random_contrast(colored, [1, 1])) - distortions.standardize(colored)
    assert np.abs(gap.numpy()).max() > 0.1
    assert stretched.shape == plain.shape


@pytest.mark.parametrize(
    "crop", [lambda i: distortions.random_crop(i, [0, 0], 33), lambda i: distortions.central_crop(i, 33)]
)
def test_a_crop_larger_than_the_image_is_refused(crop):
    with pytest.raises(ValueError, match="must not exceed the image size, 32 x 32; got 33"):
        crop(IMAGES)


def test_settings_name_all_distortions():
    assert tuple(distortions.BY_NAME) == config.DISTORTIONS
    assert distortions.parse_distortions(config.TrainConfig().distortions) == distortions.TUTORIAL_DISTORTIONS
    assert distortions.parse_distortions("contrast,flip") == (distortions.random_contrast, distortions.random_flip)
    assert distortions.parse_distortions("none") == ()


def test_a_crop_of_a_padded_image_is_a_shift_that_mirrors_the_border():
    """With a padding of 2, all 25 shifts of -2 to 2 rows and columns occur."""
    image = np.random.default_rng(0).integers(0, 256, [8, 8, 3], np.uint8)
    crops = distortions.random_crop(np.stack([image] * 400), [1, 2], 8, padding=2).numpy()
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    shifts = {padded[row : row + 8, column : column + 8].tobytes() for row in range(5) for column in range(5)}
    assert {crop.tobytes() for crop in crops} == shifts
    assert len(shifts) == 25
