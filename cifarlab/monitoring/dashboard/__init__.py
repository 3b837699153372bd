"""The live dashboard: training inside a notebook that one can steer and watch."""

from cifarlab.monitoring.dashboard.dashboard import Dashboard

__all__ = ["Dashboard"]
