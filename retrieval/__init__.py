"""Records and answers, and how to find in them."""
