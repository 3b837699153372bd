"""Datasets: sources, record files, distortions and input pipelines."""
