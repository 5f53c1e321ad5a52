"""The propagator of `baggage`. Source: W3C Baggage; OpenTelemetry specification, "Baggage API"."""

from opentelemetry import baggage
from opentelemetry.context import Context, get_current
from opentelemetry.propagators import textmap

from wasm_sdk.propagation.baggage_header import Member, parse, serialize

BAGGAGE = "baggage"


class BaggageValue(str):
    """A value that came with properties, which go on with it (the API's baggage has no place for them)."""

    __slots__ = ("properties",)
    properties: str

    def __new__(cls, value: str, properties: str) -> "BaggageValue":
        self = super().__new__(cls, value)
        self.properties = properties
        return self


class BaggagePropagator(textmap.TextMapPropagator):
    """Reads and writes the `baggage` header.

    Values are percent-encoded and nothing else: `+` stays `+`. Keys that are no tokens stay in the process.
    """

    def extract(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        getter: textmap.Getter[textmap.CarrierT] = textmap.default_getter,
    ) -> Context:
        """The context with the received members added to its baggage; of equal keys the last wins."""
        if context is None:
            context = get_current()
        for member in parse(getter.get(carrier, BAGGAGE) or []):
            value = BaggageValue(member.value, member.properties) if member.properties else member.value
            context = baggage.set_baggage(member.key, value, context)
        return context

    def inject(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        setter: textmap.Setter[textmap.CarrierT] = textmap.default_setter,
    ) -> None:
        """Write the context's baggage, if there is any that can be written."""
        members = (
            Member(str(key), str(value), value.properties if isinstance(value, BaggageValue) else "")
            for key, value in baggage.get_all(context).items()
        )
        if header := serialize(members):
            setter.set(carrier, BAGGAGE, header)

    @property
    def fields(self) -> set[str]:
        return {BAGGAGE}
