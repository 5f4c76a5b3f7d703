"""What benchmarks/overhead.py compares: ways to measure a call, and calls to measure."""
