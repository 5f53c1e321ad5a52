"""A server without OpenTelemetry, traced from the kernel; needs the privileges for it."""

import pytest

from tests.examples.conftest import run_example


@pytest.mark.kernel
def test_the_request_and_the_file_that_it_reads_are_one_trace() -> None:
    done = run_example("kernel_requests")
    assert "Traceback" not in done.stderr
    if done.returncode == 1:
        assert done.stderr.startswith("no kernel tracing here: ")
        pytest.skip(done.stderr.strip())
    request, *files = done.stdout.splitlines()
    assert request.startswith("GET /page.html ")
    assert any(line.startswith("  openat ") and "/page.html " in line for line in files)
