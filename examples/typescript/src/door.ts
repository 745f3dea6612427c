/** The server's way in: who may call, what is read, how failures are told (PROTO-1.3 to 1.5, PROTO-9.1, PROTO-10.1). */
import type * as grpc from "@grpc/grpc-js";
import { X509Certificate } from "node:crypto";
import { contracts } from "./contracts.js";
import { Refusal } from "./errors.js";
import type { PartyFolder } from "./party.js";
import { StoreError } from "./store.js";
import { type Caller, TrustError, callerOf, isInDate } from "./trust.js";

const LARGEST_MESSAGE = 4 * 1024 * 1024;

export interface Measured {
  /** Bytes on the wire. */
  size: number;
  /** Absent when there were too many, or no message is in them. */
  message?: unknown;
}

type Deserialize = (raw: Buffer) => unknown;
type Call = grpc.ServerUnaryCall<Measured, unknown>;

export class Door {
  constructor(protected readonly party: PartyFolder) {}

  /** A service that leaves it to its handler to say that a message is too large or none: gRPC itself would refuse without a reason. */
  service(name: string): grpc.ServiceDefinition {
    const methods = Object.entries(contracts().service(name).service).map(([method, definition]) => {
      const requestDeserialize = (raw: Buffer): Measured => this.read(raw, definition.requestDeserialize);
      return [method, { ...definition, requestDeserialize }];
    });
    return Object.fromEntries(methods) as grpc.ServiceDefinition;
  }

  /** Wraps an operation: who calls is checked for each call, and what fails, fails with a reason. */
  guard<Request>(callers: string[], operation: (request: Request) => Promise<object>) {
    return (call: Call, done: grpc.sendUnaryData<unknown>): void => {
      const answer = async (): Promise<object> => {
        this.check(this.caller(call.getAuthContext()?.sslPeerCertificate?.raw), callers);
        const { size, message } = call.request;
        if (message !== undefined) return operation(message as Request);
        if (size > LARGEST_MESSAGE) throw new Refusal("CLIENT_TOO_LARGE", { field: "message", limit: `${LARGEST_MESSAGE}` });
        throw new Refusal("CLIENT_MALFORMED", { field: "message", problem: "not a valid message" });
      };
      answer().then(
        (response) => done(null, response),
        (error: unknown) => {
          if (!(error instanceof Refusal)) console.error(this.party.institution, error);
          done(this.told(refusalOf(error)).status());
        },
      );
    };
  }

  protected read(raw: Buffer, deserialize: Deserialize, largest = LARGEST_MESSAGE): Measured {
    if (raw.length > largest) return { size: raw.length };
    try {
      return { size: raw.length, message: deserialize(raw) };
    } catch {
      return { size: raw.length };
    }
  }

  /** Who calls, with a certificate that is good now. */
  protected caller(raw: Buffer | undefined): Caller {
    if (raw === undefined) throw new Refusal("CLIENT_CERTIFICATE_MISSING");
    const certificate = new X509Certificate(raw);
    const caller = this.named(certificate);
    if (caller === undefined) throw new Refusal("CLIENT_CERTIFICATE_INVALID", { problem: "not exactly one SPIFFE URI for a client" });
    if (!this.isInDate(certificate)) throw new Refusal("CLIENT_CERTIFICATE_EXPIRED");
    if (this.isRevoked(certificate)) throw new Refusal("CLIENT_CERTIFICATE_REVOKED");
    return caller;
  }

  protected named(certificate: X509Certificate): Caller | undefined {
    return callerOf(certificate);
  }

  protected isInDate(certificate: X509Certificate): boolean {
    return isInDate(certificate);
  }

  protected isRevoked(certificate: X509Certificate): boolean {
    return this.party.trust.isRevoked(certificate);
  }

  protected check({ party, code }: Caller, callers: string[]): void {
    if (!callers.includes(`${party}/${code}`)) throw new Refusal("CLIENT_CALLER_NOT_ALLOWED");
  }

  /** A refusal as the caller is told it. */
  protected told(refusal: Refusal): Refusal {
    return refusal;
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof TrustError) return new Refusal("PROVIDER_TRUST_UNAVAILABLE");
  return new Refusal(error instanceof StoreError ? "PROVIDER_STORE_UNAVAILABLE" : "PROVIDER_INTERNAL");
}
