"""Views: which instruments come out as which metric streams.

Source: OpenTelemetry specification, metrics SDK, "View".
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wasm_sdk.sdk.metrics.aggregation import Aggregation
from wasm_sdk.sdk.metrics.exemplar import ExemplarReservoir
from wasm_sdk.sdk.metrics.kinds import InstrumentKind

if TYPE_CHECKING:
    from wasm_sdk.sdk.metrics.instrument import Identity


@dataclass(frozen=True, slots=True)
class View:
    """Criteria, all of which an instrument must meet, and what its stream is like then. `None` leaves a thing
    open.

    An attribute that a view removes can still leave the process on an exemplar;
    `OTEL_METRICS_EXEMPLAR_FILTER=always_off` or a reservoir of one's own prevents that.

    Attributes:
        instrument_name: With `*` and `?` as wildcards; case does not matter.
        instrument_kind: As the API has it.
        instrument_unit: Exactly.
        meter_name: Exactly, as `meter_version` and `meter_schema_url`.
        name: Of the metric, instead of the instrument's.
        description: Instead of the instrument's.
        attribute_keys: The only attributes that are kept.
        excluded_attribute_keys: Attributes that are not kept.
        aggregation: Instead of the default.
        exemplar_reservoir: Makes a reservoir for each time series.
        cardinality_limit: Time series at most, instead of the reader's limit.

    Raises:
        ValueError: Nothing is asked of instruments, or several could get the same `name`.
    """

    instrument_name: str | None = None
    instrument_kind: InstrumentKind | None = None
    instrument_unit: str | None = None
    meter_name: str | None = None
    meter_version: str | None = None
    meter_schema_url: str | None = None
    name: str | None = None
    description: str | None = None
    attribute_keys: Collection[str] | None = None
    excluded_attribute_keys: Collection[str] | None = None
    aggregation: Aggregation | None = None
    exemplar_reservoir: Callable[[], ExemplarReservoir] | None = None
    cardinality_limit: int | None = None

    def __post_init__(self) -> None:
        criteria = (
            self.instrument_name,
            self.instrument_kind,
            self.instrument_unit,
            self.meter_name,
            self.meter_version,
            self.meter_schema_url,
        )
        if all(each is None for each in criteria):
            raise ValueError("a view needs a criterion; instrument_name='*' matches every instrument")
        if self.name is not None and (self.instrument_name is None or set("*?") & set(self.instrument_name)):
            raise ValueError(
                f"the name {self.name!r} needs an instrument_name without wildcards: metrics may not share it"
            )
        if self.cardinality_limit is not None and self.cardinality_limit < 1:
            raise ValueError("cardinality_limit must be positive")

    def matches(self, instrument: "Identity") -> bool:
        """Whether an instrument meets all criteria."""
        scope = instrument.scope
        return (
            (self.instrument_name is None or _like(instrument.name, self.instrument_name))
            and self.instrument_kind in (None, instrument.kind)
            and self.instrument_unit in (None, instrument.unit)
            and self.meter_name in (None, scope.name)
            and self.meter_version in (None, scope.version)
            and self.meter_schema_url in (None, scope.schema_url)
        )

    def keeps(self, key: str) -> bool:
        """Whether attributes with this key stay."""
        if self.excluded_attribute_keys is not None and key in self.excluded_attribute_keys:
            return False
        return self.attribute_keys is None or key in self.attribute_keys

    @property
    def filters(self) -> bool:
        """Whether it says anything of attributes."""
        return self.attribute_keys is not None or self.excluded_attribute_keys is not None


def _like(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower().replace("[", "[[]"))
