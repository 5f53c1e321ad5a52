"""Themes and service colours, as data."""

from zlib import crc32

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="spanweave-dark",
    primary="#5aa9e6",
    secondary="#7f8fa9",
    accent="#f2b872",
    warning="#f0b429",
    error="#f2616d",
    success="#6cc788",
    foreground="#d7dde8",
    background="#11151c",
    surface="#171c25",
    panel="#1e2530",
    dark=True,
    variables={"footer-key-foreground": "#f2b872", "footer-background": "#171c25"},
)
LIGHT = Theme(
    name="spanweave-light",
    primary="#1f6fb2",
    secondary="#5b6b82",
    accent="#a85d00",
    warning="#9a6700",
    error="#c22f3d",
    success="#1f7a3d",
    foreground="#1d2430",
    background="#f7f8fa",
    surface="#eef0f4",
    panel="#e3e7ee",
    dark=False,
    variables={"footer-key-foreground": "#a85d00", "footer-background": "#e3e7ee"},
)
OWN = (DARK, LIGHT)
NAMES = tuple(theme.name for theme in OWN) + tuple(sorted(BUILTIN_THEMES))

# Distinguishable side by side, also with the common kinds of colour blindness; red is left to errors.
SERVICE_COLOURS_DARK = (
    "#5aa9e6",
    "#f2b872",
    "#6cc788",
    "#c79bf2",
    "#59c9c1",
    "#e88fc0",
    "#d4d06a",
    "#9fb0ff",
    "#c9a27e",
    "#8fd3f4",
)
SERVICE_COLOURS_LIGHT = (
    "#1f6fb2",
    "#a85d00",
    "#1f7a3d",
    "#7b3fb5",
    "#00767a",
    "#b02a78",
    "#6b6a00",
    "#4454c7",
    "#7a4a20",
    "#00658f",
)


class ServiceColours:
    """Gives every service one of ten colours: the one its name hashes to, or the next that fewer
    services have.
    """

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._uses = [0] * len(SERVICE_COLOURS_DARK)

    def index(self, service: str) -> int:
        """The colour's place in the palettes; the same for as long as the program runs."""
        known = self._of.get(service)
        if known is not None:
            return known
        count = len(self._uses)
        first = crc32(service.encode("utf-8", "replace")) % count
        index = min(range(count), key=lambda index: (self._uses[index], (index - first) % count))
        if len(self._of) < 1000:
            self._of[service] = index
            self._uses[index] += 1
        return index
