import { keyValues, type Attributes } from "./attributes.ts";

/** The OTLP/JSON text of a resource that says which service and which SDK. */
export function resource(service: Attributes, platform: Attributes): string {
  return JSON.stringify({
    attributes: keyValues({
      ...service,
      "telemetry.sdk.name": "spanweave",
      "telemetry.sdk.language": "webjs",
      "telemetry.sdk.version": __VERSION__,
      ...platform,
    }),
  });
}
