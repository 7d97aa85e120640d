"""The chat in browsers: a widget for any page, built into `dist/`, and the library's own chat page, made of it."""
