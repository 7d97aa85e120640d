"""Librarians teach the dialogue: corrected examples, training beside the running model, judging, changing over."""
