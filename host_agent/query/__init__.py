"""Answers questions about what is stored, by DuckDB over the segments and the rows in memory."""
