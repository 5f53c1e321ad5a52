"""The host agent: takes OTLP from anyone, keeps it, and answers queries about it."""
