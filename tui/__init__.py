"""The terminal dashboard; it speaks to an agent only through the agent's APIs."""
