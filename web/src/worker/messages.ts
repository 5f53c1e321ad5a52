import type { Signal } from "../core/envelope.ts";

/** What the loader tells the worker. */
export type ToWorker =
  | { type: "start"; endpoint: string }
  /** An OTLP/JSON export request: one string a batch, since crossing into Python costs by the object. */
  | { type: "batch"; batch: number; signal: Signal; body: string };

/** What the worker tells the loader. */
export type FromWorker =
  /** Python runs; `milliseconds` from the start of the boot. */
  | { type: "ready"; milliseconds: number; python: string }
  /** Python will not run here, and why. */
  | { type: "failed"; reason: string }
  /** The batch was acknowledged by the agent, or what became of it instead. */
  | {
      type: "done";
      batch: number;
      accepted: boolean;
      rejected: number;
      message: string;
      /** Where it was not accepted: for good, or worth another try later. */
      failure: "refused" | "busy" | "unreachable" | null;
    };
