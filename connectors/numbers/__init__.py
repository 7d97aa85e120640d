"""What the library is told of its own work: counted by the day, and holding no patron's words."""
