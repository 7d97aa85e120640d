"""Doors for patrons: one a file, each handed `receive` by the app."""
