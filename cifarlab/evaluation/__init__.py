"""Evaluation of trained networks: metrics, predictions and export."""
