"""Telegram's door: updates in by webhook or long polling, messages out by the Bot API."""
