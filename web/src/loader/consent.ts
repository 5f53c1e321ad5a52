/** Whether the visitor agreed. Until then nothing is sent, stored or put on a request; records wait in memory. */
export class Consent {
  private state: "pending" | "granted" | "refused";

  constructor(required: boolean) {
    this.state = required ? "pending" : "granted";
  }

  get granted(): boolean {
    return this.state === "granted";
  }

  get refused(): boolean {
    return this.state === "refused";
  }

  decide(granted: boolean): void {
    this.state = granted ? "granted" : "refused";
  }
}
