"""Properties that both generated datasets share."""

import numpy as np
import pytest

from cifarlab.data.sources import drawn, street_digits

LABELS = np.arange(40) % 10

both = pytest.mark.parametrize("module", [drawn, street_digits])


@both
def test_the_same_seed_gives_the_same_bytes_and_another_changes_every_image(module):
    images = module.draw(LABELS, seed=7)
    assert (module.draw(LABELS, seed=7) == images).all()
    assert not (module.draw(LABELS, seed=8) == images).all(axis=(1, 2, 3)).any()


@both
def test_images_do_not_depend_on_chunks(module, monkeypatch):
    whole = module.draw(LABELS, seed=1)
    monkeypatch.setattr(module, "_CHUNK", 7)
    assert (module.draw(LABELS, seed=1) == whole).all()


@both
def test_an_image_depends_only_on_its_label(module):
    others = LABELS.copy()
    others[::2] = 9 - others[::2]
    same = (module.draw(LABELS, seed=1) == module.draw(others, seed=1)).all(axis=(1, 2, 3))
    assert same[1::2].all()
    assert not same[::2].any()
