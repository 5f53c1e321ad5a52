"""Destinations: what is sent where, how it is tried again, and what is done with what nobody takes."""
