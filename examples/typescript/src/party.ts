/** A party's folder, as `warifu` lays it out, and calls to the other parties (PROTO-1.1 to 1.3). */
import * as grpc from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contracts } from "./contracts.js";
import { Refusal, reasonOf } from "./errors.js";
import { Trust } from "./trust.js";

interface PartyFile {
  party: string;
  listen: string;
  addresses: Record<string, string>;
  institutions: string[];
}

const CALL_DEADLINE = 5_000;

export class PartyFolder {
  readonly config: PartyFile;

  /** `institution` is one of those that the folder has an identity of. */
  constructor(
    readonly folder: string,
    readonly institution: string,
    readonly trust = new Trust(folder),
  ) {
    this.config = JSON.parse(readFileSync(join(folder, "party.json"), "utf8")) as PartyFile;
  }

  /** The client certificate and its key, PEM: for calls, and to sign the own directory entry. */
  get identity(): { certificate: Buffer; key: Buffer } {
    const folder = join(this.folder, "identities", this.institution);
    return { certificate: readFileSync(join(folder, "cert.pem")), key: readFileSync(join(folder, "key.pem")) };
  }

  serverCredentials(): grpc.ServerCredentials {
    const tls = join(this.folder, "tls");
    const pair = { cert_chain: readFileSync(join(tls, "server.pem")), private_key: readFileSync(join(tls, "server.key")) };
    return grpc.ServerCredentials.createSsl(this.trust.rootPem, [pair], true);
  }

  /** Beside chain and dates: by default the name that is expected. */
  protected verification(): grpc.VerifyOptions {
    return {};
  }

  /** Calls to a service of a party, which must show that party's certificate. */
  calls(party: string, service: string): Calls {
    const address = this.config.addresses[party];
    if (address === undefined) throw new Error(`no address of ${party}`);
    const { certificate, key } = this.identity;
    const credentials = grpc.credentials.createSsl(this.trust.rootPem, key, certificate, this.verification());
    const options = { "grpc.ssl_target_name_override": `${party}.warifu.internal`, "grpc.enable_http_proxy": 0 };
    const Client = contracts().service(service);
    return new Calls(new Client(address, credentials, options), party === "gateway" ? "GATEWAY" : "PROVIDER");
  }
}

type Method = (request: object, metadata: grpc.Metadata, options: { deadline: number }, done: (error: grpc.ServiceError | null, response: unknown) => void) => void;

/** Unary calls; a failed one is a Refusal with the reason that came over the wire. */
export class Calls {
  constructor(private readonly client: grpc.Client, private readonly side: "GATEWAY" | "PROVIDER") {}

  call<Response>(name: string, request: object, deadline = CALL_DEADLINE, metadata = new grpc.Metadata()): Promise<Response> {
    const method = (this.client as unknown as Record<string, Method>)[name];
    if (method === undefined) throw new Error(`no operation ${name}`);
    return new Promise((resolve, reject) => {
      method.call(this.client, request, metadata, { deadline: Date.now() + deadline }, (error, response) => {
        if (error) reject(new Refusal(reasonOf(error, this.side)));
        else resolve(response as Response);
      });
    });
  }

  close(): void {
    this.client.close();
  }
}
