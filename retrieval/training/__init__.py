"""Makes the encoder that is shipped: see README.md. Nothing that serves imports it."""
