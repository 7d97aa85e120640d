"""What the assistant does on each journey. Runs inside the gateway, called by Rasa through rasa_sdk."""
