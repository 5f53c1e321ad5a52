"""What every screen works with."""

from dataclasses import dataclass
from datetime import tzinfo

from tui.paint import Paint
from tui.session import Session
from tui.themes import ServiceColours


@dataclass
class Desk:
    """Shared by all screens of one program.

    Attributes:
        tz: the zone times are shown in, None being local time.
        paint: the styles of the current theme; replaced when the theme changes.
    """

    session: Session
    tz: tzinfo | None
    colours: ServiceColours
    paint: Paint
