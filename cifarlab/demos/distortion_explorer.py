"""For lesson 1: sliders for the random distortions (crop position, mirroring, brightness, contrast)."""

import base64
import io

import ipywidgets
import numpy as np

from cifarlab.data.distortions import standardize
from cifarlab.plotting.image_grids import rescale_to_255

ZOOM = 10
"""Screen pixels per pixel of the image."""


class DistortionExplorer(ipywidgets.HBox):
    """An image as the network sees it, with sliders for its distortions.

    Attributes:
        controls: the sliders and boxes by name.
        view: the image widget; its value is a PNG.

    >>> explorer = DistortionExplorer(np.zeros([32, 32, 3], np.uint8))
    >>> explorer.controls["brightness"].value = 50
    >>> explorer.image.max().item()
    50
    """

    def __init__(self, original: np.ndarray, crop_size: int = 24) -> None:
        """Shows the central crop of an image.

        Args:
            original: uint8[32, 32, 3].
            crop_size: rows and columns of the crop, in pixels.
        """
        self._original, self._crop_size = original, crop_size
        room = original.shape[0] - crop_size
        self.controls = {
            "row": ipywidgets.IntSlider(room // 2, 0, room, description="crop: row"),
            "column": ipywidgets.IntSlider(room // 2, 0, room, description="column"),
            "mirrored": ipywidgets.Checkbox(False, description="mirrored"),
            "brightness": ipywidgets.IntSlider(0, -63, 63, description="brightness"),
            "contrast": ipywidgets.FloatSlider(1.0, min=0.2, max=1.8, step=0.1, description="contrast"),
            "standardized": ipywidgets.Checkbox(False, description="standardized"),
        }
        side = f"{crop_size * ZOOM}px"
        self.view = ipywidgets.Image(format="png", layout={"width": side, "height": side})
        # Shows the pixels of the small image without smoothing.
        style = ipywidgets.HTML("<style>.cifarlab-pixels {image-rendering: pixelated}</style>")
        self.view.add_class("cifarlab-pixels")
        for control in self.controls.values():
            control.observe(self._draw, names="value")
        self._draw()
        super().__init__([ipywidgets.VBox(list(self.controls.values())), self.view, style])
        self.add_class("cifarlab-explorer")

    @property
    def image(self) -> np.ndarray:
        """Returns the distorted image, uint8[crop_size, crop_size, 3]."""
        value = {name: control.value for name, control in self.controls.items()}
        top, left = value["row"], value["column"]
        image = self._original[top : top + self._crop_size, left : left + self._crop_size].astype(np.float32)
        image = image[:, ::-1] if value["mirrored"] else image
        image = image + value["brightness"]
        mean = image.mean((0, 1), keepdims=True)
        image = (image - mean) * value["contrast"] + mean
        if value["standardized"]:
            image = rescale_to_255(standardize(image[None]).numpy())[0]
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def _draw(self, change: object = None) -> None:
        self.view.value = _png(self.image, ZOOM)

    def _repr_mimebundle_(self, **options):
        """Returns the widget and, for displays without widgets, its image and a description."""
        bundle = super()._repr_mimebundle_(**options)
        settings = ", ".join(f"{name} {control.value}" for name, control in self.controls.items())
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        alt = f"An image with sliders for its distortions; now {settings}."
        data.update({"text/plain": alt, "image/png": base64.b64encode(self.view.value).decode()})
        return data, {"image/png": {"alt": alt}}


def _png(image: np.ndarray, zoom: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.repeat(np.repeat(image, zoom, 0), zoom, 1)).save(buffer, "PNG")
    return buffer.getvalue()
