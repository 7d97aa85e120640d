"""What the library tells many: to whom it may go, by which channel, and the sending, one message a person."""
