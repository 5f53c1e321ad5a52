"""The guides as a reader meets them: links, code blocks, and code within sentences."""

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
GUIDES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Guide:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(CHECKOUT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _BLOCK.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        return [content for kind, content in _BLOCK.findall(self.text) if kind == language]

    def inline(self) -> list[str]:
        """Code within sentences and tables; a line break in it is a blank."""
        return [" ".join(code.split()) for code in _INLINE.findall(self.prose)]

    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """Headings as links name them."""
        return {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in _HEADING.findall(self.prose)
        }

    def commands(self) -> list[str]:
        """Lines of shell blocks without comments and prompts, and code within sentences."""
        lines = [
            line for kind in ("", "sh", "ini") for block in self.blocks(kind) for line in block.splitlines()
        ]
        return [re.sub(r"(\s|^)#.*", "", line).removeprefix("$ ").strip() for line in lines] + self.inline()
