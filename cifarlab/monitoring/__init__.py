"""Watching a run: console lines, TensorBoard summaries, the dashboard."""
