"""Which texts, and how files hold them."""
