"""The librarians' door."""
