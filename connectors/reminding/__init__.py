"""Reminders: what a patron asked to be told of, once each, in one message a day, by the rules of their channel."""
