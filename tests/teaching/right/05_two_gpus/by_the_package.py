"""The package's function."""

from cifarlab.training.strategies import towers

CHECK = "check_mean_gradients"

answer = towers.average_gradients
