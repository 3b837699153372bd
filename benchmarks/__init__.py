"""Benchmarks of speed and memory; `make bench` runs the main ones."""
