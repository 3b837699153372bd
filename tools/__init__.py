"""Programs for maintainers; cifarlab never imports them."""
