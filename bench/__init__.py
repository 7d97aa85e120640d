"""Benchmarks. Each prints one JSON line a figure; ratios are measured side by side in one run."""
