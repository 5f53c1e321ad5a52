"""The styles of drawn lines under the current theme."""

from collections.abc import Mapping
from functools import lru_cache

from rich.style import Style
from textual.color import Color, ColorParseError

from tui.themes import SERVICE_COLOURS_DARK, SERVICE_COLOURS_LIGHT, ServiceColours


class Paint:
    """Rich styles for text and bars; all but `base` set a foreground only, so they lie on any line.

    Args:
        variables: the theme's variables (`App.theme_variables`).
        services: which service has which colour.
    """

    def __init__(self, variables: Mapping[str, str], dark: bool, services: ServiceColours) -> None:
        self._foreground = _colour(variables, "foreground", "#d7dde8" if dark else "#1d2430")
        self._background = _colour(variables, "background", "#11151c" if dark else "#f7f8fa")
        primary = _colour(variables, "primary", "#5aa9e6")
        self._services = services
        self._palette = SERVICE_COLOURS_DARK if dark else SERVICE_COLOURS_LIGHT
        self.base = Style(color=self._foreground.rich_color, bgcolor=self._background.rich_color)
        self.text = Style(color=self._foreground.rich_color)
        self.strong = self.text + Style(bold=True)
        self.muted = self._faded(self._foreground, 0.4)
        self.faint = self._faded(self._foreground, 0.65)
        self.error = Style(color=_colour(variables, "error", "#f2616d").rich_color)
        self.warning = Style(color=_colour(variables, "warning", "#f0b429").rich_color)
        self.success = Style(color=_colour(variables, "success", "#6cc788").rich_color)
        self.accent = Style(color=_colour(variables, "accent", "#f2b872").rich_color)
        self.primary = Style(color=primary.rich_color)
        self.heading = self.muted + Style(bold=True)
        self.cursor = self._line(primary, 0.72)
        self.cursor_blurred = self._line(primary, 0.87)
        self.match = Style(underline=True, bold=True)
        self.service = lru_cache(maxsize=1024)(self._service)
        self.service_dim = lru_cache(maxsize=1024)(self._service_dim)

    def _faded(self, colour: Color, towards_background: float) -> Style:
        if colour.ansi is not None or self._background.ansi is not None:
            return Style(color=colour.rich_color, dim=True)
        return Style(color=colour.blend(self._background, towards_background).rich_color)

    def _line(self, colour: Color, towards_background: float) -> Style:
        if colour.ansi is not None or self._background.ansi is not None:
            return Style(reverse=towards_background < 0.8)
        return Style(bgcolor=colour.blend(self._background, towards_background).rich_color)

    def _service(self, name: str) -> Style:
        return Style(color=Color.parse(self._palette[self._services.index(name)]).rich_color)

    def _service_dim(self, name: str) -> Style:
        return self._faded(Color.parse(self._palette[self._services.index(name)]), 0.55)


def _colour(variables: Mapping[str, str], name: str, otherwise: str) -> Color:
    try:
        return Color.parse(variables.get(name, otherwise))
    except ColorParseError:
        return Color.parse(otherwise)
