"""Strategies for running a training step on one or several devices."""
