"""Between the log and the destinations: each record is judged once, and its verdict recorded."""
