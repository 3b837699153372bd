"""Drawing code of the generated datasets: shapes, scenes and figures; house numbers, walls and the camera."""
