/** Permits: what must hold of one before anything is looked up (docs/PROTOCOL.md §5). */
import { MOST_ITEMS, type BatchSignature, type KeyOf, checkBatch } from "./batch.js";
import { sha256 } from "./bytes.js";
import { FormError, contracts } from "./contracts.js";
import { Refusal } from "./errors.js";
import { type RequestHeader, checkHeader } from "./header.js";
import { HASH_SIZE } from "./merkle.js";
import { PERMIT_BATCH } from "./tags.js";
import { type Timestamp, millis } from "./times.js";

export interface SignedPermit {
  permit: Buffer;
  signature: BatchSignature | null;
}

export interface Permit {
  permit_id: string;
  header: Buffer;
  subject: { code?: Buffer } | null;
  query_block_hash: Buffer;
  query_index: number;
  table_version: string;
  row: string;
  commitment: Buffer;
  exchange_time: Timestamp | null;
  issued_at: Timestamp | null;
  accept_by: Timestamp | null;
  review_until: Timestamp | null;
  requester_key_id: string;
}

/** A permit whose signature, provider and form were checked. Its window was not. */
export interface CheckedPermit {
  bytes: Buffer;
  permit: Permit;
  header: RequestHeader;
  permitHash: Buffer;
  headerHash: Buffer;
  /** The provider's own code of the person. */
  code: Buffer;
  /** Simulated time. */
  exchangeTime: number;
  /** Machine time. */
  issuedAt: number;
  /** Machine time. */
  acceptBy: number;
  /** Simulated time. */
  reviewUntil: number;
}

/** How far the clocks of two parties may be apart. */
export const CLOCK_SKEW = 30_000;
const LONGEST_WINDOW = 60_000;
const LARGEST_HEADER = 4096;
const LARGEST_PERMIT = LARGEST_HEADER + 1024;
const SUBJECT_BYTES = 128;

export interface PermitRules {
  provider: string;
  keyOf: KeyOf;
}

export function checkPermit(signed: SignedPermit, rules: PermitRules): CheckedPermit {
  if (signed.permit.length > LARGEST_PERMIT) {
    throw new Refusal("CLIENT_TOO_LARGE", { field: "permit", limit: `${LARGEST_PERMIT}` });
  }
  let checked: CheckedPermit;
  try {
    checkBatch(PERMIT_BATCH, signed.permit, signed.signature, rules.keyOf);
    checked = read(signed.permit);
  } catch (error) {
    throw error instanceof FormError ? new Refusal("CLIENT_PERMIT_INVALID") : error;
  }
  if (checked.header.provider !== rules.provider) throw new Refusal("CLIENT_PERMIT_MISMATCH");
  return checked;
}

/** May a permit be accepted for the first time now (PROTO-5.3). */
export function checkWindow(checked: CheckedPermit, now: number): void {
  if (now < checked.issuedAt - CLOCK_SKEW || now > checked.acceptBy + CLOCK_SKEW) throw new Refusal("CLIENT_PERMIT_EXPIRED");
}

function read(bytes: Buffer): CheckedPermit {
  const permit = contracts().decode<Permit>("warifu.exchange.v1.Permit", bytes);
  must(permit.header.length <= LARGEST_HEADER, "header");
  const header = contracts().decode<RequestHeader>("warifu.exchange.v1.RequestHeader", permit.header);
  checkHeader(header);
  const { exchange_time, issued_at, accept_by, review_until } = permit;
  must(permit.permit_id === header.request_id, "permit_id");
  must(permit.query_block_hash.length === HASH_SIZE, "query_block_hash");
  must(permit.commitment.length === HASH_SIZE, "commitment");
  must(permit.query_index < MOST_ITEMS, "query_index");
  must(isText(permit.table_version) && isText(permit.row), "table_version, row");
  must(permit.requester_key_id.length === 16, "requester_key_id");
  const times = { exchangeTime: millis(exchange_time), issuedAt: millis(issued_at), acceptBy: millis(accept_by) };
  must(times.acceptBy >= times.issuedAt && times.acceptBy - times.issuedAt <= LONGEST_WINDOW, "accept_by");
  return {
    ...times,
    bytes,
    permit,
    header,
    permitHash: sha256(bytes),
    headerHash: sha256(permit.header),
    code: codeOf(permit),
    reviewUntil: millis(review_until),
  };
}

function codeOf({ subject }: Permit): Buffer {
  const size = subject === null ? 0 : contracts().encode("warifu.exchange.v1.SubjectReference", subject).length;
  must(size > 0 && size <= SUBJECT_BYTES && subject?.code !== undefined, "subject");
  return subject?.code ?? Buffer.alloc(0);
}

const isText = (text: string): boolean => text.trim() !== "" && [...text].length <= 64 && !/\p{Cc}/u.test(text);

function must(holds: boolean, field: string): void {
  if (!holds) throw new FormError(`permit: ${field}`);
}
