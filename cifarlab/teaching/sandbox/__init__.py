"""Running untrusted notebooks within limits."""
