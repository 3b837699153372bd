"""Helpers that only the lessons use; nothing else in the package imports them."""
