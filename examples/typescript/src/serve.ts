/** The provider's server: TLS on both sides, who may call what, failures with reasons, health. */
import * as grpc from "@grpc/grpc-js";
import { join } from "node:path";
import { HealthImplementation } from "grpc-health-check";
import type { ProvideRequest } from "./admit.js";
import { Directory, ownEntry } from "./directory.js";
import { Door } from "./door.js";
import { Refusal } from "./errors.js";
import { Kept } from "./kept.js";
import { OwnKeys } from "./keys.js";
import { PartyFolder } from "./party.js";
import { Provider } from "./provider.js";
import { bytes } from "./store.js";

const PROVISION = "warifu.provision.v1.ProvisionService";
const AUDIT = "warifu.interim.v1.InterimAuditService";
const DIRECTORY = "warifu.linkage.v1.DirectoryService";
const PAGE = 500;
const PAGE_DEFAULT = 50;
const TRANSPORT = 8 * 1024 * 1024;
const AGAIN = 500;

export interface Serving {
  address: string;
  stop: () => Promise<void>;
}

/** What a server is put together from. */
export interface Kit {
  party: typeof PartyFolder;
  door: typeof Door;
  provider: typeof Provider;
  directory: typeof Directory;
}

const KIT: Kit = { party: PartyFolder, door: Door, provider: Provider, directory: Directory };

/** Where an institution keeps its keys. */
export const secretsOf = (folder: string, institution: string): string => join(folder, "secrets", `${institution}.node.json`);

/** Serve the institution whose party folder this is, once its keys are published. */
export async function serve(folder: string, institution: string, kit = KIT): Promise<Serving> {
  const party = new kit.party(folder, institution);
  const keys = await OwnKeys.loadOrCreate(institution, secretsOf(folder, institution));
  const relay = party.calls("gateway", DIRECTORY);
  const directory: Directory = new kit.directory(party.trust, relay, (seen) => kept.add(seen));
  const kept = new Kept(join(folder, `${institution}.journal`), (seen) => directory.remember(seen));
  const provider = new kit.provider({ folder, keys, trust: party.trust, directory, kept });
  const server = new grpc.Server({ "grpc.max_receive_message_length": TRANSPORT, "grpc.max_send_message_length": TRANSPORT });
  const health = new HealthImplementation({ "": "NOT_SERVING", [PROVISION]: "NOT_SERVING", [AUDIT]: "NOT_SERVING" });
  health.addToServer(server);
  const door = new kit.door(party);
  server.addService(door.service(PROVISION), {
    Provide: door.guard<ProvideRequest>(["gateway/main"], (request) => provider.provide(request)),
  });
  const readers = [`${party.config.party}/${institution}`, `counter/${institution}`, "watchdog/main", "watchdog/inspector"];
  server.addService(door.service(AUDIT), {
    ListRecords: door.guard<ListRecords>(readers, (request) => Promise.resolve(listRecords(kept, request, institution))),
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
