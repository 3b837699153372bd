"""cifarlab."""
