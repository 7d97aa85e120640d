"""What librarians teach it: questions gathered, answers tried out, published, taken back. Knows no HTTP."""
