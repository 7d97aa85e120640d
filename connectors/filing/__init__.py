"""The library's words as plain files: out for git or another machine, and back in with a three-way merge."""
