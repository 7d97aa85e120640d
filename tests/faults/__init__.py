"""What patrons hear while their library's system fails at any call, in any way: `python -m tests.faults` prints it."""
