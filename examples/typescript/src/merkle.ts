/** Merkle trees of RFC 6962 §2.1. */
import { same, sha256 } from "./bytes.js";

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
export const HASH_SIZE = 32;

/** A path that leads to no root. */
export class PathError extends Error {}

export const leafHash = (data: Uint8Array): Buffer => sha256(LEAF, data);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(NODE, left, right);

/** The root over leaf hashes: the left tree is the largest complete one that leaves something to the right. */
export function root(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves;
  if (first === undefined) throw new PathError("a tree needs a leaf");
  if (leaves.length === 1) return Buffer.from(first);
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return nodeHash(root(leaves.slice(0, split)), root(leaves.slice(split)));
}

/** The root that a leaf hash and its audit path lead to (RFC 9162 §2.1.3.2). */
export function rootFromPath(leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]): Buffer {
  if (!(index >= 0 && index < size)) throw new PathError("no such leaf");
  let node: Buffer = Buffer.from(leaf);
  let [position, last] = [index, size - 1];
  for (const sibling of path) {
    if (last === 0) throw new PathError("path is too long");
    if (sibling.length !== HASH_SIZE) throw new PathError("not a hash");
    if (position % 2 === 1 || position === last) {
      node = nodeHash(sibling, node);
      while (position % 2 === 0 && position !== 0) [position, last] = [position / 2, Math.floor(last / 2)];
    } else {
      node = nodeHash(node, sibling);
    }
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new PathError("path is too short");
  return node;
}

/** Does a consistency proof lead from the older root to the newer (RFC 9162 §2.1.4.2), for 0 < oldSize < newSize. */
export function isConsistent(
  old: { size: number; root: Uint8Array },
  now: { size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  const complete = Number.isInteger(Math.log2(old.size));
  const [first, ...steps] = complete ? [old.root, ...proof] : proof;
  if (first === undefined) return false;
  let [position, last] = [old.size - 1, now.size - 1];
  while (position % 2 === 1) [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  let before: Buffer = Buffer.from(first);
  let after = before;
  for (const step of steps) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      [before, after] = [nodeHash(step, before), nodeHash(step, after)];
      while (position % 2 === 0 && position !== 0) [position, last] = [position / 2, Math.floor(last / 2)];
    } else {
      after = nodeHash(after, step);
    }
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  return last === 0 && same(before, old.root) && same(after, now.root);
}
