from pathlib import Path

from tui.screenshot import RECORDING, SHOWN, take

IMAGES = Path(__file__).parents[2] / "docs" / "images"


async def test_the_documentation_s_pictures_can_be_made_again() -> None:
    pictures = await take((IMAGES / RECORDING).read_bytes())
    assert sorted(pictures) == sorted(path.name for path in IMAGES.glob("terminal*.svg"))
    assert SHOWN in pictures["terminal.svg"]
    assert "following" in pictures["terminal-traces.svg"]
