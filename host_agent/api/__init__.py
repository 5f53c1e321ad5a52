"""The query API and the live stream over HTTP, for the dashboard, the command line and scripts."""
