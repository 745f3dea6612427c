/** Sealed blocks: one or more items, padded, sealed to one recipient and bound to the leaves that name them (PROTO-3.5 to 3.9). */
import { sha256, u16, u32, utf8 } from "./bytes.js";
import { MOST_ITEMS } from "./batch.js";
import { OpenError, type OwnKeys, type SealingKey } from "./keys.js";
import { HASH_SIZE, root } from "./merkle.js";
import { LARGEST, PaddingError, pad, unpad } from "./padding.js";
import { ANSWER_SEAL, QUERY_SEAL } from "./tags.js";

export interface SealedBlock {
  recipient: string;
  key_id: string;
  leaves: Buffer[];
  ciphertext: Buffer;
}

export interface Purpose {
  tag: Buffer;
  /** Bytes below which the padded plaintext of so many items never falls. */
  floor: (items: number) => number;
}

export const QUERY: Purpose = { tag: QUERY_SEAL, floor: (items) => Math.max(1024, items * 512) };
export const ANSWER: Purpose = { tag: ANSWER_SEAL, floor: (items) => Math.max(4096, items * 1024) };
const OVERHEAD = 1120 + 16;

/** The hash by which a block is named. */
export const blockHash = (block: SealedBlock): Buffer => sha256(block.ciphertext);

export function infoOf(purpose: Purpose, recipient: string, keyId: string, leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0 || leaves.length > MOST_ITEMS || leaves.some((leaf) => leaf.length !== HASH_SIZE)) {
    throw new OpenError(`a block has 1 to ${MOST_ITEMS} leaves of ${HASH_SIZE} bytes`);
  }
  const named = [recipient, keyId].flatMap((part) => [u16(utf8(part).length), utf8(part)]);
  return Buffer.concat([purpose.tag, ...named, u32(leaves.length), root(leaves)]);
}

export async function seal(purpose: Purpose, to: SealingKey, leaves: Buffer[], plaintext: Uint8Array): Promise<SealedBlock> {
  const info = infoOf(purpose, to.owner, to.id, leaves);
  const ciphertext = await to.seal(pad(plaintext, purpose.floor(leaves.length)), info);
  return { recipient: to.owner, key_id: to.id, leaves, ciphertext };
}

/** The plaintext of a block for `own`; the caller compares the items with the leaves (PROTO-3.8). */
export async function open(purpose: Purpose, block: SealedBlock, own: OwnKeys): Promise<Buffer> {
  if (block.recipient !== own.owner) throw new OpenError("sealed for another recipient");
  if (block.ciphertext.length > LARGEST + OVERHEAD) throw new OpenError("too large");
  const info = infoOf(purpose, block.recipient, block.key_id, block.leaves);
  try {
    return unpad(await own.open(block.key_id, block.ciphertext, info));
  } catch (error) {
    throw error instanceof PaddingError ? new OpenError("not padded") : error;
  }
}
