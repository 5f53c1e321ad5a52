"""The kernel programs: C sources, the headers they share, and the objects built from them (`make bpf`)."""
