"""Koha: its REST interface, and ILS-DI beside it for what REST does not tell."""
