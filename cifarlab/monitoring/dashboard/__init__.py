"""The live dashboard, which shows and controls a run inside a notebook."""

from cifarlab.monitoring.dashboard.dashboard import Dashboard

__all__ = ["Dashboard"]
