"""Benchmarks: ``python -m tests.bench``. They print figures and assert nothing; pytest does not collect them."""
