"""W3C Trace Context (level 2) and W3C Baggage.

`tracestate` and `baggage_header` are grammars without dependencies; `tracecontext` and `baggage` are
propagators behind the interfaces of `opentelemetry-api`.
"""
