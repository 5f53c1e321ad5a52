"""The same objects on the kernels of other distributions, under emulation (half a minute each)."""

from __future__ import annotations

import pytest

from tests.kernel.emulated.__main__ import report
from tests.kernel.emulated.image import Unavailable

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_programs_load_attach_and_tell(version: str) -> None:
    try:
        found = report(version)
    except Unavailable as error:
        pytest.skip(str(error))
    assert found["refused"] == {}
    assert found["getppid"] == 10
    assert found["http"]
    assert found["server_under_client"]
    assert found["files"]
    assert found["functions"] in ("uprobe.session", "uprobe.multi", "perf uprobe")
    assert found["function_calls"] == 1
