"""Consistent-probability sampling: arithmetic that the SDK, the page and the agent share."""
