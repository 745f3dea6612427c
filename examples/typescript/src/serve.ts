/** The provider's server: TLS on both sides, who may call what, failures with reasons, health. */
import * as grpc from "@grpc/grpc-js";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { HealthImplementation } from "grpc-health-check";
import { contracts } from "./contracts.js";
import { Directory, ownEntry } from "./directory.js";
import { Refusal } from "./errors.js";
import { Kept } from "./kept.js";
import { OwnKeys } from "./keys.js";
import { PartyFolder } from "./party.js";
import { type ProvideRequest, Provider } from "./provider.js";
import { StoreError, bytes } from "./store.js";
import type { Switch } from "./switches.js";
import { type Caller, TrustError, callerOf, isInDate } from "./trust.js";

const PROVISION = "warifu.provision.v1.ProvisionService";
const AUDIT = "warifu.interim.v1.InterimAuditService";
const DIRECTORY = "warifu.linkage.v1.DirectoryService";
const PAGE = 500;
const PAGE_DEFAULT = 50;
const LARGEST_MESSAGE = 4 * 1024 * 1024;
const TRANSPORT = 8 * 1024 * 1024;
const AGAIN = 500;

export interface Serving {
  address: string;
  stop: () => Promise<void>;
}

/** Serve the institution whose party folder this is, once its keys are published. */
export async function serve(folder: string, institution: string, wrong: ReadonlySet<Switch>): Promise<Serving> {
  const party = new PartyFolder(folder, institution);
  const keys = await OwnKeys.loadOrCreate(institution, join(folder, "secrets", `${institution}.node.json`));
  const relay = party.calls("gateway", DIRECTORY);
  const directory: Directory = new Directory(party.trust, relay, (seen) => kept.add(seen));
  const kept = new Kept(join(folder, `${institution}.journal`), (seen) => directory.remember(seen));
  const provider = new Provider({ folder, keys, trust: party.trust, directory, kept, wrong });
  const server = new grpc.Server({ "grpc.max_receive_message_length": TRANSPORT, "grpc.max_send_message_length": TRANSPORT });
  const health = new HealthImplementation({ "": "NOT_SERVING", [PROVISION]: "NOT_SERVING", [AUDIT]: "NOT_SERVING" });
  health.addToServer(server);
  const answered = handlers(party, institution);
  server.addService(measured(PROVISION), {
    Provide: answered<ProvideRequest>(["gateway/main"], (request) => provider.provide(request)),
  });
  const readers = [`${party.config.party}/${institution}`, `counter/${institution}`, "watchdog/main", "watchdog/inspector"];
  server.addService(measured(AUDIT), {
    ListRecords: answered<ListRecords>(readers, (request) => Promise.resolve(listRecords(kept, request, institution))),
  });
  const port = await bound(server, party);
  await publish();
  provider.isPublished = true;
  for (const service of ["", PROVISION, AUDIT]) health.setStatus(service, "SERVING");
  return { address: party.config.listen.replace(/:\d+$/, `:${port}`), stop };

  /** Tell the directory the own keys, under a version that only rises (PROTO-11.5), as soon as the gateway can be reached. */
  async function publish(): Promise<void> {
    const version = Math.max(Date.now(), kept.version + 1);
    kept.add({ kind: "version", version });
    for (;;) {
      try {
        await relay.call("PublishEntry", { entry: ownEntry(keys, party, version) });
        return;
      } catch (error) {
        if (!(error instanceof Refusal && /_(UNAVAILABLE|TIMEOUT)$/.test(error.reason))) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  async function stop(): Promise<void> {
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    relay.close();
    kept.close();
  }
}

function bound(server: grpc.Server, party: PartyFolder): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(party.config.listen, party.serverCredentials(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}

interface Measured {
  /** Bytes on the wire. */
  size: number;
  /** Absent when there were too many. */
  message?: unknown;
}
type Call = grpc.ServerUnaryCall<Measured, unknown>;

/** A service that reads no message over the limit, but lets its handler say so: gRPC itself would refuse without a reason (PROTO-10.1). */
function measured(name: string): grpc.ServiceDefinition {
  const methods = Object.entries(contracts().service(name).service).map(([method, definition]) => {
    const requestDeserialize = (raw: Buffer): Measured =>
      raw.length > LARGEST_MESSAGE ? { size: raw.length } : { size: raw.length, message: definition.requestDeserialize(raw) };
    return [method, { ...definition, requestDeserialize }];
  });
  return Object.fromEntries(methods) as grpc.ServiceDefinition;
}

/** Wraps an operation: who calls is checked for each call (PROTO-1.4, PROTO-1.5), and what fails, fails with a reason. */
function handlers(party: PartyFolder, institution: string) {
  return <Request>(callers: string[], operation: (request: Request) => Promise<object>) =>
    (call: Call, done: grpc.sendUnaryData<unknown>): void => {
      const answer = async (): Promise<object> => {
        const caller = checkedCaller(call, party);
        if (!callers.includes(`${caller.party}/${caller.code}`)) throw new Refusal("CLIENT_CALLER_NOT_ALLOWED");
        const { size, message } = call.request;
        if (size > LARGEST_MESSAGE) throw new Refusal("CLIENT_TOO_LARGE", { field: "message", limit: `${LARGEST_MESSAGE}` });
        return operation(message as Request);
      };
      answer().then(
        (response) => done(null, response),
        (error: unknown) => {
          if (!(error instanceof Refusal)) console.error(institution, error);
          done(refusalOf(error).status());
        },
      );
    };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof TrustError) return new Refusal("PROVIDER_TRUST_UNAVAILABLE");
  return new Refusal(error instanceof StoreError ? "PROVIDER_STORE_UNAVAILABLE" : "PROVIDER_INTERNAL");
}

function checkedCaller(call: Call, party: PartyFolder): Caller {
  const raw = call.getAuthContext()?.sslPeerCertificate?.raw;
  if (raw === undefined) throw new Refusal("CLIENT_CERTIFICATE_MISSING");
  const certificate = new X509Certificate(raw);
  const caller = callerOf(certificate);
  if (caller === undefined) throw new Refusal("CLIENT_CERTIFICATE_INVALID", { problem: "not exactly one SPIFFE URI for a client" });
  if (!isInDate(certificate)) throw new Refusal("CLIENT_CERTIFICATE_EXPIRED");
  if (party.trust.isRevoked(certificate)) throw new Refusal("CLIENT_CERTIFICATE_REVOKED");
  return caller;
}

interface ListRecords {
  institution: string;
  after: number;
  limit: number;
}

/** Records in the order of commitment, each with what it can be checked by (PROTO-13.1, PROTO-13.4). */
function listRecords(kept: Kept, { institution, after, limit }: ListRecords, own: string): object {
  if (institution !== own) throw new Refusal("CLIENT_NOT_YOURS");
  if (limit > PAGE) throw new Refusal("CLIENT_TOO_MANY_ITEMS", { field: "limit", limit: `${PAGE}` });
  const end = after + (limit || PAGE_DEFAULT);
  const records = kept.records.slice(after, end).map((one, at) => ({
    position: after + at + 1,
    record: { record: bytes(one.record), salt: bytes(one.salt), commitment: bytes(one.commitment) },
    permit_hash: bytes(one.permitHash),
    evidence: {
      ...(one.promised === undefined ? {} : { promised: bytes(one.promised) }),
      ...(one.sealedHash === undefined ? {} : { sealed_hash: bytes(one.sealedHash) }),
    },
  }));
  return end < kept.records.length ? { records, next: end } : { records };
}
