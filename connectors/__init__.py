"""The doors: channels, library systems, the console, and the composition root that introduces them."""
