"""The list of services with their last minute."""

from rich.segment import Segment

from tui.bars import meter, sparkline
from tui.format import format_count, format_duration
from tui.services import ServiceSummary
from tui.text import clean, fit, fit_right
from tui.widgets.rows import Rows

_WIDE = 92


class ServiceTable(Rows):
    """One line a service."""

    NOTHING = "No service yet."

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._services: list[ServiceSummary] = []

    @property
    def service(self) -> ServiceSummary | None:
        """The service under the cursor."""
        return self._services[self.cursor] if self._services else None

    def show(self, services: list[ServiceSummary]) -> None:
        """Show these; the cursor stays on its service."""
        current = self.service
        self._services = services
        names = [service.name for service in services]
        cursor = names.index(current.name) if current is not None and current.name in names else self.cursor
        self.set_count(len(services), cursor)

    @staticmethod
    def _columns(width: int) -> list[tuple[str, int]]:
        columns = [("Req/s", 7), ("Errors", 7), ("p50", 8), ("p95", 8)]
        if width >= _WIDE:
            columns = [("Last minute", 20), *columns, ("", 8), ("Stored", 8), ("Errors", 7)]
        used = sum(size + 1 for _, size in columns)
        return [("Service", max(8, width - used - 1)), *columns]

    def draw_heading(self, line: int, width: int) -> list[Segment]:
        (first, size), *rest = self._columns(width)
        cells = [fit(first, size)] + [
            fit(name, cell) if name == "Last minute" else fit_right(name, cell) for name, cell in rest
        ]
        return [Segment(" ".join(cells), self.paint.heading)]

    def draw_row(self, row: int, width: int) -> list[Segment]:
        paint, service = self.paint, self._services[row]
        (_, size), *rest = self._columns(width)
        failing = paint.error if service.error_rate else paint.muted
        cells = [
            Segment(fit_right(f"{service.rate:.2f}", 7), paint.text),
            Segment(fit_right(f"{100 * service.error_rate:.1f}%", 7), failing),
            Segment(fit_right(_duration(service.p50), 8), paint.text),
            Segment(fit_right(_duration(service.p95), 8), paint.text),
        ]
        if len(rest) > len(cells):
            top = max((other.p95 or 0 for other in self._services), default=0)
            stored_errors = service.stored_errors or 0
            cells = [
                Segment(sparkline(service.series, 20), paint.service(service.name)),
                *cells,
                Segment(meter((service.p95 or 0) / top if top else 0, 8), paint.service_dim(service.name)),
                Segment(fit_right(_stored(service.stored_spans), 8), paint.muted),
                Segment(
                    fit_right(_stored(service.stored_errors), 7),
                    paint.error if stored_errors else paint.muted,
                ),
            ]
        segments = [Segment(fit(clean(service.name), size), paint.service(service.name))]
        for cell in cells:
            segments += [Segment(" "), cell]
        return segments


def _duration(ns: int | None) -> str:
    return "-" if ns is None else format_duration(ns)


def _stored(count: int | None) -> str:
    return "-" if count is None else format_count(count)
