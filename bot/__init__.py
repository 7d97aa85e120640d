"""The conversation: Rasa's files and components, and the actions that the gateway runs for it."""
