"""All three signals from one program, sent to a collector without a thread.

Run it from the checkout: `python -m examples.sdk_quickstart`. With no collector on http://localhost:4318 (run
`spanweave agent` for one), `OTEL_TRACES_EXPORTER=console` and its like print what would be sent.
"""

import asyncio
import logging

from opentelemetry import baggage, context, metrics, propagate, trace

from wasm_sdk.sdk.configure import configure
from wasm_sdk.sdk.logs import LoggingHandler

# Code that is instrumented knows only the API, and may ask for its tracer before there is a provider.
tracer = trace.get_tracer("examples.sdk_quickstart")
meter = metrics.get_meter("examples.sdk_quickstart")
orders = meter.create_counter("shop.orders", unit="{order}", description="Orders taken")
waiting = meter.create_histogram("shop.payment.duration", unit="s")
log = logging.getLogger("shop")


@tracer.start_as_current_span("pay")
async def pay(amount: float) -> dict[str, str]:
    """A call to another service: its headers carry the trace and the baggage."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    await asyncio.sleep(0.01)
    waiting.record(0.01, {"payment.method": "card"})
    if amount > 100:
        raise ValueError(f"{amount} is more than the card allows")
    return headers


async def order(customer: str, amount: float) -> None:
    token = context.attach(baggage.set_baggage("customer", customer))
    try:
        with tracer.start_as_current_span("order", attributes={"order.amount": amount}) as span:
            headers = await pay(amount)
            orders.add(1, {"customer.kind": "returning"})
            span.add_event("paid", {"payment.headers": sorted(headers)})
            log.info("order of %s taken", customer)
    except ValueError:
        log.exception("order of %s failed", customer)
    finally:
        context.detach(token)


async def main() -> None:
    sdk = configure("quickstart", resource_attributes={"deployment.environment.name": "example"})
    handler = LoggingHandler()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    await asyncio.gather(order("Alice", 42.0), order("Bob", 142.0))
    log.removeHandler(handler)
    delivered = await sdk.shutdown()
    print("everything was delivered" if delivered else "not everything was delivered: see the log")


if __name__ == "__main__":
    asyncio.run(main())
