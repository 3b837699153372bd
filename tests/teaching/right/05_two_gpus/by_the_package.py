"""The package's own."""

from cifarlab.training import towers

CHECK = "check_mean_gradients"

answer = towers.average_gradients
