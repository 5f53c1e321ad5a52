"""The example runs and says what the guide says it says."""

import pytest

from examples import otlp_roundtrip


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    otlp_roundtrip.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("protobuf: ")
    assert "'skus': ['a', 'b']" in printed[1]
    assert "its span id is all zero" in printed[3]
    assert "resourceSpans[0].scopeSpans[0].spans[0].traceId" in printed[-1]
