/** Padding to size classes (PROTO-3.7): a ciphertext's length tells its class and nothing more. */
import { u32 } from "./bytes.js";

const KIB = 1024;
const NAMED = [1, 4, 16, 64, 256].map((size) => size * KIB);
const STEP = 256 * KIB;
export const LARGEST = 16 * KIB * KIB;
const PREFIX = 4;

/** Content too large to pad, or bytes that are no padded content. */
export class PaddingError extends Error {}

/** The smallest class of at least `size` bytes. */
export function sizeClass(size: number): number {
  if (size > LARGEST) throw new PaddingError("over 16 MiB");
  return NAMED.find((named) => size <= named) ?? Math.ceil(size / STEP) * STEP;
}

/** length (32 bits) ‖ content ‖ zero bytes, up to the class of the content or of `floor` bytes. */
export function pad(content: Uint8Array, floor = 0): Buffer {
  const padded = Buffer.alloc(sizeClass(Math.max(PREFIX + content.length, floor)));
  u32(content.length).copy(padded);
  padded.set(content, PREFIX);
  return padded;
}

export function unpad(padded: Buffer): Buffer {
  if (padded.length < PREFIX || sizeClass(padded.length) !== padded.length) throw new PaddingError("no class");
  const end = PREFIX + padded.readUInt32BE(0);
  if (end > padded.length || padded.subarray(end).some((byte) => byte !== 0)) throw new PaddingError("not padded content");
  return padded.subarray(PREFIX, end);
}
