"""What the agent keeps: Parquet segments per tenant and signal, and the rows that are not flushed yet."""
