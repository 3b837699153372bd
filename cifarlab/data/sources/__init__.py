"""Sources of the built-in datasets: downloads and generators."""
