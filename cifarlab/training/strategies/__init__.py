"""How one step runs on several devices."""
