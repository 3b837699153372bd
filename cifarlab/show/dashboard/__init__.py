"""The live dashboard: training inside a notebook that one can steer and watch."""

from cifarlab.show.dashboard.board import Dashboard

__all__ = ["Dashboard"]
