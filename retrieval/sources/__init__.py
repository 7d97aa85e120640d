"""Where records come from: one format a file, all giving `Read` after `Read`."""
