"""The demo shop: a page with the script tag, and an ordinary instrumented Python service behind it."""
