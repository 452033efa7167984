"""Binds a spec to definitions and sizes, and walks it: shapes, dtypes, counts, formulas, and the plan for torch."""
