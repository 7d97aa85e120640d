"""The library's own chat page: plain HTML, CSS and ES modules, served as they are written."""
