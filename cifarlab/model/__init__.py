"""The network, its operations and its losses."""
