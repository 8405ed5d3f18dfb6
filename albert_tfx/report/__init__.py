"""`summary.json`, and the page with its figures."""
