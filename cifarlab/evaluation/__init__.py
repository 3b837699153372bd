"""How good a network is, and what it says of a picture."""
