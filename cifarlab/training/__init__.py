"""The loop that turns batches into better weights, and what keeps it safe."""
