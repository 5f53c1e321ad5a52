"""The live stream: what is accepted, sent on to whoever watches."""
