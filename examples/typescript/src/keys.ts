/** Keys of the exchange: HPKE with X-Wing, HKDF-SHA256 and AES-256-GCM, and Ed25519 (PROTO-3.1 to 3.3). */
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type KeyObject, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { sha256 } from "./bytes.js";

const KEM = new XWing();
const SUITE = new CipherSuite({ kem: KEM, kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const ENCAPSULATED = 1120;
const HPKE_PUBLIC = 1216;
const LATTICE_PUBLIC = 1184;
/** What precedes the 32 bytes of a key in DER (RFC 8410). */
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");

/** A public key that must not be used. */
export class UnusableKeyError extends Error {}
/** A block that does not open. */
export class OpenError extends Error {}

/** The first 16 hexadecimal digits of SHA-256 of a public key. */
export const keyId = (publicKey: Uint8Array): string => sha256(publicKey).toString("hex").slice(0, 16);

/** Someone's public signing key. */
export class VerifyingKey {
  readonly id: string;
  private readonly key: KeyObject;

  constructor(readonly owner: string, publicKey: Uint8Array) {
    if (!isInPrimeOrderGroup(publicKey)) throw new UnusableKeyError("not an Ed25519 key that may be used");
    this.id = keyId(publicKey);
    this.key = createPublicKey({ key: Buffer.concat([ED25519_SPKI, publicKey]), format: "der", type: "spki" });
  }

  fits(message: Uint8Array, signature: Uint8Array): boolean {
    return signature.length === 64 && verify(null, message, this.key, signature);
  }
}

/** For a key of small order one signature fits every message; Node's verify would not mind (PROTO-3.2). */
function isInPrimeOrderGroup(publicKey: Uint8Array): boolean {
  try {
    const point = ed25519.Point.fromBytes(publicKey);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}

/** Someone's public HPKE key. */
export class SealingKey {
  readonly id: string;

  constructor(readonly owner: string, private readonly publicKey: Uint8Array) {
    if (publicKey.length !== HPKE_PUBLIC) throw new UnusableKeyError(`an HPKE key has ${HPKE_PUBLIC} bytes`);
    checkCurve(publicKey.subarray(LATTICE_PUBLIC));
    this.id = keyId(publicKey);
  }

  /** Encapsulated key ‖ ciphertext, bound to `info`. */
  async seal(plaintext: Uint8Array, info: Uint8Array): Promise<Buffer> {
    const recipientPublicKey = await KEM.deserializePublicKey(fresh(this.publicKey));
    const { enc, ct } = await SUITE.seal({ recipientPublicKey, info: fresh(info) }, fresh(plaintext));
    return Buffer.concat([Buffer.from(enc), Buffer.from(ct)]);
  }
}

/** OpenSSL refuses the small orders, since the shared secret would be zero (PROTO-3.1). */
function checkCurve(publicKey: Uint8Array): void {
  try {
    const theirs = createPublicKey({ key: Buffer.concat([X25519_SPKI, publicKey]), format: "der", type: "spki" });
    diffieHellman({ privateKey: generateKeyPairSync("x25519").privateKey, publicKey: theirs });
  } catch {
    throw new UnusableKeyError("an X25519 part of small order");
  }
}

interface KeyFile {
  hpke: string;
  signing: string;
  sample: string;
}

/** An institution's own keys, made by itself and never sent. */
export class OwnKeys {
  private constructor(
    readonly owner: string,
    private readonly hpkeSeed: Buffer,
    readonly hpkePublic: Buffer,
    private readonly signingKey: KeyObject,
    readonly signingPublic: Buffer,
    /** Draws the sample of answers that wait for a clerk (§6, rule 2). */
    readonly sampleKey: Buffer,
  ) {}

  static async from(owner: string, file: KeyFile): Promise<OwnKeys> {
    const seed = Buffer.from(file.hpke, "hex");
    const pair = await KEM.generateKeyPairDerand(fresh(seed));
    const signing = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, Buffer.from(file.signing, "hex")]), format: "der", type: "pkcs8" });
    const signingPublic = createPublicKey(signing).export({ format: "der", type: "spki" }).subarray(ED25519_SPKI.length);
    const hpkePublic = Buffer.from(await KEM.serializePublicKey(pair.publicKey));
    return new OwnKeys(owner, seed, hpkePublic, signing, signingPublic, Buffer.from(file.sample, "hex"));
  }

  /** The keys in a file, made there when there are none. */
  static async loadOrCreate(owner: string, path: string): Promise<OwnKeys> {
    return OwnKeys.from(owner, readKeys(path) ?? createKeys(path));
  }

  get hpkeKeyId(): string {
    return keyId(this.hpkePublic);
  }

  get signingKeyId(): string {
    return keyId(this.signingPublic);
  }

  sign(message: Uint8Array): Buffer {
    return sign(null, message, this.signingKey);
  }

  /** The plaintext of encapsulated key ‖ ciphertext. */
  async open(hpkeKeyId: string, sealed: Uint8Array, info: Uint8Array): Promise<Buffer> {
    if (hpkeKeyId !== this.hpkeKeyId) throw new OpenError("sealed to a key that is not held here");
    try {
      const recipientKey = await KEM.deserializePrivateKey(fresh(this.hpkeSeed));
      const enc = fresh(sealed.subarray(0, ENCAPSULATED));
      return Buffer.from(await SUITE.open({ recipientKey, enc, info: fresh(info) }, fresh(sealed.subarray(ENCAPSULATED))));
    } catch {
      throw new OpenError("does not open");
    }
  }
}

/** A copy with a buffer of its own: Node's small buffers share one, and the library takes whole ones. */
const fresh = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

function readKeys(path: string): KeyFile | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as KeyFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error; // a damaged file is never replaced silently
  }
}

function createKeys(path: string): KeyFile {
  const draw = (): string => randomBytes(32).toString("hex");
  const made = { hpke: draw(), signing: draw(), sample: draw() };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const handle = openSync(`${path}.new`, "w", 0o600);
  writeSync(handle, JSON.stringify(made));
  fsyncSync(handle);
  closeSync(handle);
  renameSync(`${path}.new`, path);
  return made;
}
