"""The door: OTLP over HTTP and gRPC, one way to accept for both, everything bounded."""
