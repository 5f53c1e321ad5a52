"""The dashboard's widgets, one a file, with their messages and key bindings."""
