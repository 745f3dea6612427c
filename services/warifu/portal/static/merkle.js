// Merkle trees as in RFC 6962 and RFC 9162 §2.1: where a leaf's path and a consistency proof lead.
// Sizes are JavaScript numbers, so a tree may have up to 2^53 - 1 leaves; halves are taken by division, since shifts would cut at 32 bits.

import { Refused, equal, sha256 } from "./bytes.js";

const HASH = 32;
const LONGEST = 63;
const half = (number) => Math.floor(number / 2);
const odd = (number) => number % 2 === 1;

export function leafHash(data) {
  return sha256(Uint8Array.of(0), data);
}

export function nodeHash(left, right) {
  return sha256(Uint8Array.of(1), left, right);
}

function checkHashes(hashes) {
  if (hashes.length > LONGEST + 1 || hashes.some((hash) => hash.length !== HASH)) throw new Refused("path", "hashes");
}

/** The root that a leaf hash and its audit path lead to (RFC 9162 §2.1.3.2). */
export async function rootFromPath(leaf, index, size, path) {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    throw new Refused("path", "index");
  }
  checkHashes([leaf, ...path]);
  let node = leaf;
  let position = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) throw new Refused("path", "too long");
    if (odd(position) || position === last) {
      node = await nodeHash(sibling, node);
      while (!odd(position) && position > 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      node = await nodeHash(node, sibling);
    }
    position = half(position);
    last = half(last);
  }
  if (last !== 0) throw new Refused("path", "too short");
  return node;
}

/** The roots of the older and the newer tree that a proof leads to (RFC 9162 §2.1.4.2), for 0 < oldSize < newSize. */
export async function rootsFromConsistency(oldSize, oldRoot, newSize, path) {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize) || oldSize <= 0 || oldSize >= newSize) {
    throw new Refused("path", "sizes");
  }
  checkHashes([oldRoot, ...path]);
  let position = oldSize - 1;
  let last = newSize - 1;
  while (odd(position)) {
    position = half(position);
    last = half(last);
  }
  // The RFC leaves the older root out of the path when that tree is complete: its last leaf is then a right edge all the way up.
  const steps = position === 0 ? [oldRoot, ...path] : [...path];
  if (steps.length <= (position === 0 ? 1 : 0)) throw new Refused("path", "too short");
  let older = steps[0];
  let newer = steps[0];
  for (const step of steps.slice(1)) {
    if (last === 0) throw new Refused("path", "too long");
    if (odd(position) || position === last) {
      older = await nodeHash(step, older);
      newer = await nodeHash(step, newer);
      while (!odd(position) && position > 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      newer = await nodeHash(newer, step);
    }
    position = half(position);
    last = half(last);
  }
  if (last !== 0) throw new Refused("path", "too short");
  return [older, newer];
}

export async function checkInclusion(leaf, index, size, path, root) {
  if (!equal(await rootFromPath(leaf, index, size, path), root)) throw new Refused("path", "root");
}

/** The newer tree begins with the older one. The path is empty when both are the same. */
export async function checkConsistency(oldSize, oldRoot, newSize, newRoot, path) {
  if (oldSize === newSize) {
    if (path.length > 0 || !equal(oldRoot, newRoot)) throw new Refused("path", "fork");
    return;
  }
  const [older, newer] = await rootsFromConsistency(oldSize, oldRoot, newSize, path);
  if (!equal(older, oldRoot) || !equal(newer, newRoot)) throw new Refused("path", "fork");
}
