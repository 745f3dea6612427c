/** One Ed25519 signature over many items, each with its path to the root (PROTO-5.2, PROTO-4.10). */
import { u32 } from "./bytes.js";
import { FormError } from "./contracts.js";
import type { VerifyingKey } from "./keys.js";
import { PathError, leafHash, rootFromPath } from "./merkle.js";

export const MOST_ITEMS = 200;

export interface BatchSignature {
  index: number;
  size: number;
  path: Buffer[];
  key_id: string;
  signature: Buffer;
}

export type KeyOf = (keyId: string) => Pick<VerifyingKey, "fits"> | undefined;

/** See that exactly this item was signed by a key that `keyOf` knows. */
export function checkBatch(tag: Uint8Array, item: Uint8Array, proof: BatchSignature | null, keyOf: KeyOf): void {
  if (proof === null || proof.size > MOST_ITEMS) throw new FormError("signature: absent, or more than a batch");
  try {
    const root = rootFromPath(leafHash(item), proof.index, proof.size, proof.path);
    const key = keyOf(proof.key_id);
    if (key?.fits(Buffer.concat([tag, u32(proof.size), root]), proof.signature) !== true) {
      throw new FormError("signature: not the signer's");
    }
  } catch (error) {
    throw error instanceof PathError ? new FormError("signature.path: leads to no root") : error;
  }
}
