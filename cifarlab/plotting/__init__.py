"""Figures with matplotlib; nothing here starts a run."""
