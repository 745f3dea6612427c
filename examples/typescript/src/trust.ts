/** What a party trusts: the network's root and its list of revoked certificates (PROTO-1.1 to 1.4). It fails closed. */
import { X509Certificate, verify } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readRevocationList } from "./der.js";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const IDENTITY = /^URI:spiffe:\/\/warifu\.example\/([a-z][a-z0-9_]{0,31})\/([a-z][a-z0-9_-]{0,63})$/;

export interface Caller {
  party: string;
  code: string;
}

/** Nobody can be believed until it is mended. */
export class TrustError extends Error {}

export class Trust {
  readonly rootPem: Buffer;
  readonly root: X509Certificate;
  private readonly list: string;
  private stamp = 0;
  private revoked = new Set<bigint>();
  protected until = 0;

  constructor(private readonly folder: string) {
    this.rootPem = readFileSync(join(folder, "trust", "ca.pem"));
    this.root = new X509Certificate(this.rootPem);
    this.list = join(folder, "trust", "revoked.crl");
  }

  get lawFolder(): string {
    return join(this.folder, "trust", "law");
  }

  isRevoked(certificate: X509Certificate): boolean {
    this.refresh();
    return this.revoked.has(BigInt(`0x${certificate.serialNumber}`));
  }

  /** See that the root issued a certificate, that it is in date and not revoked. */
  checkIssued(certificate: X509Certificate, now = Date.now()): void {
    if (!certificate.checkIssued(this.root) || !certificate.verify(this.root.publicKey)) throw new TrustError("not issued by the root");
    if (!isInDate(certificate, now)) throw new TrustError("out of date");
    if (this.isRevoked(certificate)) throw new TrustError("revoked");
  }

  /** Read the list again when its file changed; refuse while there is none that the root signed and that is in date. */
  protected refresh(): void {
    try {
      const { mtimeMs } = statSync(this.list);
      if (mtimeMs !== this.stamp) this.read(mtimeMs);
    } catch (error) {
      throw new TrustError(`no revocation list: ${(error as Error).message}`);
    }
    if (Date.now() >= this.until) throw new TrustError("the revocation list is out of date");
  }

  private read(stamp: number): void {
    this.stamp = 0;
    const list = readRevocationList(readFileSync(this.list, "utf8"));
    if (!verify("sha256", list.signed, this.root.publicKey, list.signature)) throw new Error("not signed by the root");
    [this.revoked, this.until, this.stamp] = [list.serials, list.nextUpdate, stamp];
  }
}

export const isInDate = (certificate: X509Certificate, now = Date.now()): boolean =>
  Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo);

/** Who a client certificate names: exactly one URI, and the right to act as a client (PROTO-1.3). */
export function callerOf(certificate: X509Certificate): Caller | undefined {
  const [, party, code] = IDENTITY.exec(certificate.subjectAltName ?? "") ?? [];
  // What Node calls keyUsage are the extended key usages.
  const isClient = (certificate.keyUsage as string[] | undefined)?.includes(CLIENT_AUTH) === true;
  return party !== undefined && code !== undefined && isClient ? { party, code } : undefined;
}
