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
      permanent: boolean;
      unreachable: boolean;
      rejected: number;
      message: string;
      retry_after: number;
    };
