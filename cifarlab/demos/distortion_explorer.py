"""For lesson 1: sliders for the random choices of training, such as where an image is cropped or whether it flips."""

import base64
import io

import ipywidgets
import numpy as np

from cifarlab.data.distortions import standardize
from cifarlab.plotting.image_grids import rescale_to_255

ZOOM = 10
"""Screen pixels for each pixel of the picture."""


class DistortionExplorer(ipywidgets.HBox):
    """One picture as the network sees it, under distortions that one sets by hand: crop, mirroring, and so on.

    Attributes:
        controls: the sliders and boxes by name.
        view: the image widget; its value is a PNG.

    >>> explorer = DistortionExplorer(np.zeros([32, 32, 3], np.uint8))
    >>> explorer.controls["brightness"].value = 50
    >>> explorer.image.max().item()
    50
    """

    def __init__(self, picture: np.ndarray, crop_size: int = 24) -> None:
        """Shows the picture cropped centrally.

        Args:
            picture: uint8[32, 32, 3].
            crop_size: rows and columns of the crop, in pixels.
        """
        self._picture, self._crop_size = picture, crop_size
        room = picture.shape[0] - crop_size
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
        # A picture this small should show its pixels, not be smoothed.
        style = ipywidgets.HTML("<style>.cifarlab-pixels {image-rendering: pixelated}</style>")
        self.view.add_class("cifarlab-pixels")
        for control in self.controls.values():
            control.observe(self._draw, names="value")
        self._draw()
        super().__init__([ipywidgets.VBox(list(self.controls.values())), self.view, style])
        self.add_class("cifarlab-explorer")

    @property
    def image(self) -> np.ndarray:
        """What is shown, uint8[crop_size, crop_size, 3]."""
        value = {name: control.value for name, control in self.controls.items()}
        top, left = value["row"], value["column"]
        image = self._picture[top : top + self._crop_size, left : left + self._crop_size].astype(np.float32)
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
        """The widget, and for where there are none, its picture and words that say what it is."""
        bundle = super()._repr_mimebundle_(**options)
        settings = ", ".join(f"{name} {control.value}" for name, control in self.controls.items())
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        seen = f"One picture with sliders for its distortions; now {settings}."
        data.update({"text/plain": seen, "image/png": base64.b64encode(self.view.value).decode()})
        return data, {"image/png": {"alt": seen}}


def _png(image: np.ndarray, zoom: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.repeat(np.repeat(image, zoom, 0), zoom, 1)).save(buffer, "PNG")
    return buffer.getvalue()
