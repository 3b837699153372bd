"""Speed and memory, each comparison side by side in one run; `make bench` runs them all."""
