"""Open data: everything that is shown, as files to take away, and what each publication changed in them."""
