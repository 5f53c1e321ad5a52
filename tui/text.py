"""Strings of strangers made safe to show, and fitted to terminal cells.

Span names and attribute values come from whoever can reach the agent. Control characters could drive the
terminal, bidirectional
overrides could reorder what stands beside them (https://www.unicode.org/reports/tr36/), zero-width characters
could hide, and
stacked combining marks could overflow their cell. Markup needs no escaping here: nothing in this package
parses it.
"""

import unicodedata

from rich.cells import cell_len, set_cell_size

_MAX_COMBINING = 2
_REPLACEMENT = "\ufffd"
_CONTROL_PICTURES = 0x2400


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == 0x7F:
        return "\u2421"
    return char if char.isprintable() else _REPLACEMENT


def clean(text: str) -> str:
    """One line of `text` in which every character has a visible glyph and none changes the terminal's state.

    C0 controls become their pictures (U+2400 and on); C1 controls, bidirectional controls, zero-width and
    unassigned characters
    become U+FFFD; more than two combining marks on one character are cut.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        if unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            if marks > _MAX_COMBINING or not out:
                continue
        else:
            marks = 0
        out.append(_visible(char))
    return "".join(out)


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: padded with spaces, or cut with an ellipsis. Wide characters
    count two.
    """
    if width <= 0:
        return ""
    if text.isascii():
        length = len(text)
        if length <= width:
            return text + " " * (width - length)
        return text[: width - 1] + "…"
    length = cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return set_cell_size(text, width - 1) + "…"


def fit_right(text: str, width: int) -> str:
    """Like `fit`, but padded on the left."""
    padding = width - cell_len(text)
    return " " * padding + text if padding >= 0 else fit(text, width)
