/** Records and events, and the salted commitments to them (PROTO-7.3, PROTO-14.11). */
import { randomBytes } from "node:crypto";
import { sha256 } from "./bytes.js";
import { contracts } from "./contracts.js";
import { EVENT, RECORD } from "./tags.js";

export interface CommittedRecord {
  record: Buffer;
  salt: Buffer;
  commitment: Buffer;
}

export const recordCommitment = (salt: Uint8Array, record: Uint8Array): Buffer => sha256(RECORD, salt, record);
export const eventCommitment = (salt: Uint8Array, event: Uint8Array): Buffer => sha256(EVENT, salt, event);

/** Serialise a record and commit to it with a new salt. */
export function commit(fields: object): CommittedRecord {
  const record = contracts().encode("warifu.exchange.v1.AccessRecord", { version: 1, ...fields });
  const salt = randomBytes(32);
  return { record, salt, commitment: recordCommitment(salt, record) };
}
