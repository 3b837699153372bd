"""Monitoring of runs: console lines, TensorBoard summaries and the dashboard."""
