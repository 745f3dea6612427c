/** Public keys: an institution signs its own, and believes of others what their own certificate signed (docs/PROTOCOL.md §11). */
import { X509Certificate, sign, verify } from "node:crypto";
import { same } from "./bytes.js";
import { contracts } from "./contracts.js";
import { Refusal } from "./errors.js";
import { type OwnKeys, SealingKey, VerifyingKey } from "./keys.js";
import type { Calls, PartyFolder } from "./party.js";
import { CLOCK_SKEW } from "./permit.js";
import { bytes, text } from "./store.js";
import { DIRECTORY } from "./tags.js";
import { type Timestamp, millis, timestamp } from "./times.js";
import { type Trust, callerOf } from "./trust.js";

const ENTRY = "warifu.exchange.v1.DirectoryEntry";
/** Versions of an owner's entry that still count for what was signed or sealed before a change. */
const REMEMBERED = 4;
const WEEK = 7 * 86_400_000;

interface DirectoryEntry {
  owner: string;
  version: number;
  hpke_key_id: string;
  hpke_public_key: Buffer;
  signing_key_id: string;
  signing_public_key: Buffer;
  not_before: Timestamp | null;
  not_after: Timestamp | null;
}

export interface SignedEntry {
  entry: Buffer;
  certificate: Buffer;
  signature: Buffer;
}

export interface VerifiedEntry {
  owner: string;
  version: number;
  sealing: SealingKey;
  signing: VerifyingKey;
  notAfter: number;
  certificate: X509Certificate;
}

/** An entry as the journal keeps it. */
export interface Seen {
  kind: "seen";
  owner: string;
  version: number;
  entry: string;
  certificate: string;
  signature: string;
}

/** The own entry, signed with the key of the own TLS client certificate. */
export function ownEntry(keys: OwnKeys, folder: PartyFolder, version: number): SignedEntry {
  const { certificate, key } = folder.identity;
  const parsed = new X509Certificate(certificate);
  const until = Math.min(Date.parse(parsed.validTo), Date.now() + WEEK);
  const entry = contracts().encode(ENTRY, {
    owner: keys.owner,
    version,
    hpke_key_id: keys.hpkeKeyId,
    hpke_public_key: keys.hpkePublic,
    signing_key_id: keys.signingKeyId,
    signing_public_key: keys.signingPublic,
    not_before: timestamp(Date.now()),
    not_after: timestamp(until),
  });
  return { entry, certificate: parsed.raw, signature: sign("sha256", Buffer.concat([DIRECTORY, entry]), key) };
}

/** The entry, when its owner signed it with a good certificate and it holds now (PROTO-11.2). Throws otherwise. */
export function verifyEntry(signed: SignedEntry, trust: Trust): VerifiedEntry {
  const certificate = new X509Certificate(signed.certificate);
  trust.checkIssued(certificate);
  const entry = readEntry(signed, certificate);
  if (ownerOf(certificate) !== entry.owner) throw new Error("signed by another");
  return entry;
}

/** Whose entry a certificate may sign: the gateway's own is that of "gateway", and a counter's signs none. */
function ownerOf(certificate: X509Certificate): string | undefined {
  const caller = callerOf(certificate);
  if (caller?.party === "counter") return undefined;
  return caller?.party === "gateway" && caller.code === "main" ? "gateway" : caller?.code;
}

/** The entry, when the certificate signed it, its keys may be used and it holds now; whose certificate it is, is not looked at. */
export function readEntry(signed: SignedEntry, certificate: X509Certificate): VerifiedEntry {
  const entry = contracts().decode<DirectoryEntry>(ENTRY, signed.entry);
  const { owner, version } = entry;
  if (!verify("sha256", Buffer.concat([DIRECTORY, signed.entry]), certificate.publicKey, signed.signature)) throw new Error("altered");
  const [sealing, signing] = [new SealingKey(owner, entry.hpke_public_key), new VerifyingKey(owner, entry.signing_public_key)];
  if (sealing.id !== entry.hpke_key_id || signing.id !== entry.signing_key_id) throw new Error("a key id is not its key's");
  const notAfter = Math.min(millis(entry.not_after), Date.parse(certificate.validTo));
  const now = Date.now();
  if (now < millis(entry.not_before) - CLOCK_SKEW || now >= notAfter) throw new Error("outside its dates");
  return { owner, version, sealing, signing, notAfter, certificate };
}

/** One reader's view of everyone's keys: fetched when needed, checked, remembered for good (PROTO-11.4). */
export class Directory {
  private readonly highest = new Map<string, Seen>();
  private readonly known = new Map<string, VerifiedEntry[]>();

  constructor(
    private readonly trust: Trust,
    private readonly gateway: Calls,
    private readonly keep: (seen: Seen) => void,
  ) {}

  /** Take up what the journal says was seen. */
  remember(seen: Seen): void {
    const before = this.highest.get(seen.owner);
    if (before === undefined || before.version < seen.version) this.highest.set(seen.owner, seen);
    try {
      const signed = { entry: bytes(seen.entry), certificate: bytes(seen.certificate), signature: bytes(seen.signature) };
      this.add(verifyEntry(signed, this.trust));
    } catch {
      // It was seen, so a lower version is refused; its keys no longer count.
    }
  }

  async sealingKey(owner: string, id: string): Promise<SealingKey | undefined> {
    return (await this.find(owner, (entry) => entry.sealing.id === id))?.sealing;
  }

  async signingKey(owner: string, id: string): Promise<VerifyingKey | undefined> {
    return (await this.find(owner, (entry) => entry.signing.id === id))?.signing;
  }

  /** The newest entry. */
  async newest(owner: string): Promise<VerifiedEntry> {
    return this.good(owner)[0] ?? this.fetch(owner);
  }

  private async find(owner: string, fits: (entry: VerifiedEntry) => boolean): Promise<VerifiedEntry | undefined> {
    const found = this.good(owner).find(fits);
    if (found !== undefined) return found;
    await this.fetch(owner);
    return this.good(owner).find(fits);
  }

  protected good(owner: string): VerifiedEntry[] {
    const entries = this.known.get(owner) ?? [];
    return entries.filter((entry) => Date.now() < entry.notAfter && !this.trust.isRevoked(entry.certificate));
  }

  private async fetch(owner: string): Promise<VerifiedEntry> {
    const { entry: signed } = await this.gateway.call<{ entry: SignedEntry }>("GetEntry", { owner });
    const entry = this.acceptable(owner, signed);
    const seen: Seen = {
      kind: "seen",
      owner,
      version: entry.version,
      entry: text(signed.entry),
      certificate: text(signed.certificate),
      signature: text(signed.signature),
    };
    if (this.highest.get(owner)?.entry !== seen.entry) this.keep(seen);
    this.add(entry);
    return entry;
  }

  private acceptable(owner: string, signed: SignedEntry): VerifiedEntry {
    try {
      const entry = this.believed(signed);
      if (entry.owner === owner && !this.isBehind(entry, signed)) return entry;
    } catch {
      // Whatever is wrong with it, it is not believed.
    }
    throw new Refusal("PROVIDER_DIRECTORY_ENTRY_INVALID");
  }

  protected believed(signed: SignedEntry): VerifiedEntry {
    return verifyEntry(signed, this.trust);
  }

  /** Is it older than one that was seen, or another of the same version (PROTO-11.4). */
  protected isBehind(entry: VerifiedEntry, signed: SignedEntry): boolean {
    const before = this.highest.get(entry.owner);
    if (before === undefined || entry.version > before.version) return false;
    return entry.version < before.version || !same(bytes(before.entry), signed.entry);
  }

  private add(entry: VerifiedEntry): void {
    const others = (this.known.get(entry.owner) ?? []).filter((one) => one.version !== entry.version);
    const all = [entry, ...others].sort((one, other) => other.version - one.version);
    this.known.set(entry.owner, all.slice(0, REMEMBERED));
  }
}
