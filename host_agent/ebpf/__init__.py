"""Kernel tracing: programs loaded by a privileged helper, events drained without privileges."""
