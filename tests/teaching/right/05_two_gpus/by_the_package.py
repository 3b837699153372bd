"""The package's own."""

from cifarlab.training.strategies import towers

CHECK = "check_mean_gradients"

answer = towers.average_gradients
