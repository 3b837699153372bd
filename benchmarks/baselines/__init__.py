"""The same program as others would write it: the same network, distortions, losses, averages and updates."""
