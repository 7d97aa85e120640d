"""SIP2, the language of self-check machines: what nearly every library system speaks."""
