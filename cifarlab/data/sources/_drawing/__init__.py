"""How drawn pictures are drawn: shapes, places and figures; house numbers, their walls and the camera."""
