"""Adapters of the ILS port, one library system a file."""
