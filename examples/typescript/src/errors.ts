/** Failures with a reason (docs/PROTOCOL.md §9), and how they travel. Texts are those of the protocol's table, by reason. */
import * as grpc from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contracts, packageRoot } from "./contracts.js";

interface Row {
  code: keyof typeof grpc.status;
  ja: string;
  en: string;
  retryable?: boolean;
}

const TABLE = JSON.parse(readFileSync(join(packageRoot, "src", "errors.json"), "utf8")) as Record<string, Row>;
const DETAILS = "grpc-status-details-bin";
const DOMAIN = "warifu.example";

export interface Failure {
  reason: string;
  message: { ja: string; en: string };
  retryable: boolean;
}

/** A reason as it came; one that is not in the table counts as that side's INTERNAL (PROTO-9.3). */
export const known = (reason: string, side: "GATEWAY" | "PROVIDER"): string => (Object.hasOwn(TABLE, reason) ? reason : `${side}_INTERNAL`);

/** A refusal with a reason of the protocol's closed list. */
export class Refusal extends Error {
  constructor(
    readonly reason: string,
    readonly metadata: Readonly<Record<string, string>> = {},
  ) {
    super(reason);
  }

  private get row(): Row {
    const row = TABLE[this.reason];
    if (row === undefined) throw new Error(`no text for ${this.reason}`);
    return row;
  }

  protected text(language: "ja" | "en"): string {
    return this.row[language].replace(/\{(\w+)\}/g, (_, name: string) => this.metadata[name] ?? "–");
  }

  /** Of one item of a call. */
  failure(): Failure {
    const { retryable } = this.row;
    return { reason: this.reason, message: { ja: this.text("ja"), en: this.text("en") }, retryable: retryable ?? false };
  }

  /** Of a whole call: google.rpc.Status with ErrorInfo, both texts and, when the same call may succeed later, RetryInfo. */
  status(): Partial<grpc.StatusObject> {
    const { code, retryable } = this.row;
    const details = [
      any("google.rpc.ErrorInfo", { reason: this.reason, domain: DOMAIN, metadata: { ...this.metadata } }),
      any("google.rpc.LocalizedMessage", { locale: "ja", message: this.text("ja") }),
      any("google.rpc.LocalizedMessage", { locale: "en", message: this.text("en") }),
    ];
    if (retryable) details.push(any("google.rpc.RetryInfo", { retryDelay: { seconds: 1 } }));
    const metadata = new grpc.Metadata();
    const number = grpc.status[code];
    metadata.set(DETAILS, plain("google.rpc.Status", { code: number, message: this.text("en"), details }));
    return { code: number, details: this.text("en"), metadata };
  }
}

/** The reason of a failed call to `side`; what has none, or one that is not in the table, becomes that side's INTERNAL (PROTO-9.3). */
export function reasonOf(error: unknown, side: "GATEWAY" | "PROVIDER"): string {
  const failed = error as grpc.ServiceError;
  const [status] = failed.metadata?.get(DETAILS) ?? [];
  if (!Buffer.isBuffer(status)) return unexplained(failed.code, side);
  const type = contracts().root.lookupType("google.rpc.Status");
  const parsed = type.toObject(type.decode(status), { defaults: true }) as { details: { type_url: string; value: Buffer }[] };
  for (const detail of parsed.details) {
    if (!detail.type_url.endsWith("/google.rpc.ErrorInfo")) continue;
    const info = contracts().root.lookupType("google.rpc.ErrorInfo").decode(detail.value) as unknown as { reason: string };
    return known(info.reason, side);
  }
  return unexplained(failed.code, side);
}

function unexplained(code: grpc.status | undefined, side: string): string {
  if (code === grpc.status.UNAVAILABLE) return `${side}_UNAVAILABLE`;
  return code === grpc.status.DEADLINE_EXCEEDED ? `${side}_TIMEOUT` : `${side}_INTERNAL`;
}

const any = (name: string, value: object): object => ({ type_url: `type.googleapis.com/${name}`, value: plain(name, value) });

function plain(name: string, value: object): Buffer {
  const type = contracts().root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}
