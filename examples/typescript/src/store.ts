/**
 * A small durable store: a journal of JSON lines. One line is one transaction: it is on disk, or it never was.
 *
 * A line that a crash cut short is removed at the next start; it was never answered for. One process alone may use a journal.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

/** Bytes in a line. */
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const bytes = (line: string): Buffer => Buffer.from(line, "base64");

/** The disk took no entry: nothing of it happened. */
export class StoreError extends Error {}

export class Journal<Entry> {
  private readonly handle: number;

  /** Open the journal at a path, and hand every entry in it to `apply`, in order. */
  constructor(path: string, private readonly apply: (entry: Entry) => void) {
    this.handle = openSync(path, "a+", 0o600);
    const content = readFileSync(path, "utf8");
    const whole = content.slice(0, content.lastIndexOf("\n") + 1);
    if (whole.length < content.length) ftruncateSync(this.handle, Buffer.byteLength(whole));
    for (const line of whole.split("\n").filter((one) => one !== "")) apply(JSON.parse(line) as Entry);
  }

  /** Write a transaction; on return it is durable and applied. */
  add(entry: Entry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    const { size } = fstatSync(this.handle);
    try {
      if (writeSync(this.handle, line) !== line.length) throw new Error("cut short");
      fsyncSync(this.handle);
    } catch (error) {
      ftruncateSync(this.handle, size); // what is left of it would spoil the next line
      throw new StoreError((error as Error).message);
    }
    this.apply(entry);
  }

  close(): void {
    closeSync(this.handle);
  }
}
