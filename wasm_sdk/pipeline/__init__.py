"""The pipeline's hot path: spans judged and spliced into the requests of several destinations, as bytes."""
