// Records: their commitment, and what stands in them (docs/PROTOCOL.md §7; proto/warifu/exchange/v1/exchange.proto, AccessRecord).
// Corrections are events of the log, under a tag of their own (proto/warifu/log/v1/log.proto, NetworkEvent).

import { Refused, fromBase64, sha256, utf8 } from "./bytes.js";

const TAG = utf8("warifu/record/v1\0");
const EVENT_TAG = utf8("warifu/event/v1\0");
const SALT = 32;
const TEXTS = { 3: "request_id", 4: "requester", 5: "provider", 6: "affair", 7: "procedure", 8: "item", 9: "table_version", 10: "row", 14: "reason" };
const NUMBERS = { 1: "version", 2: "kind", 13: "outcome", 15: "non_disclosure" };
const TIMES = { 11: "requested_at", 12: "answered_at" };
const OUTCOMES = { 1: "ANSWERED", 3: "DENIED", 4: "ERROR", 5: "EXPIRED" };
const VERSION = 1;
const REQUEST = 1;
const OUTCOME = 2;

/** SHA-256(tag ‖ salt ‖ record): what the leaf of the log is made of. */
export function commitment(salt, record) {
  if (salt.length !== SALT) throw new Refused("record", "salt");
  return sha256(TAG, salt, record);
}

/** The same of an event. */
export function eventCommitment(salt, event) {
  if (salt.length !== SALT) throw new Refused("record", "salt");
  return sha256(EVENT_TAG, salt, event);
}

/** The fields of a protobuf message: [number, value], a value being a BigInt or bytes. */
export function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new Refused("record", "cut short");
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Refused("record", "varint");
  };
  while (at < bytes.length) {
    const key = Number(varint());
    if (key % 8 === 0) {
      yield [key >> 3, varint()];
    } else if (key % 8 === 2) {
      const end = Number(varint()) + at;
      if (end > bytes.length) throw new Refused("record", "cut short");
      yield [key >> 3, bytes.slice(at, end)];
      at = end;
    } else {
      throw new Refused("record", "wire type");
    }
  }
}

/** What an AccessRecord says. A field that this program does not know is refused: it might say something else. */
export function decode(bytes) {
  const told = { ...Object.fromEntries(Object.values(TEXTS).map((name) => [name, ""])), outcome: 0 };
  for (const [number, value] of fields(bytes)) {
    if (number in TEXTS && value instanceof Uint8Array) {
      told[TEXTS[number]] = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    } else if (number in NUMBERS && typeof value === "bigint") told[NUMBERS[number]] = Number(value);
    else if (number in TIMES && value instanceof Uint8Array) told[TIMES[number]] = milliseconds(value);
    else throw new Refused("record", `field ${number}`);
  }
  if (told.version !== VERSION) throw new Refused("record", "version");
  return told;
}

const text = (value) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
const CORRECTION = 11;

/** What a correcting event says: {at, request_id, institution, statement}. Any other event is refused. */
export function decodeCorrection(bytes) {
  const told = { version: 0, at: 0, said: null };
  for (const [number, value] of fields(bytes)) {
    if (number === 1 && typeof value === "bigint") told.version = Number(value);
    else if (number === 2 && value instanceof Uint8Array) told.at = milliseconds(value);
    else if (number === CORRECTION && value instanceof Uint8Array) told.said = value;
    else throw new Refused("record", `field ${number}`);
  }
  if (told.version !== VERSION || told.said === null) throw new Refused("record", "event");
  const names = { 1: "request_id", 2: "institution", 3: "statement" };
  const said = { request_id: "", institution: "", statement: "", at: String(told.at) };
  for (const [number, value] of fields(told.said)) {
    if (!(number in names) || !(value instanceof Uint8Array)) throw new Refused("record", `field ${number}`);
    said[names[number]] = text(value);
  }
  return said;
}

/** A google.protobuf.Timestamp in whole milliseconds since 1970. */
function milliseconds(bytes) {
  const stamp = { 1: 0n, 2: 0n };
  for (const [number, value] of fields(bytes)) {
    if (!(number in stamp) || typeof value !== "bigint") throw new Refused("record", "time");
    stamp[number] = BigInt.asIntN(64, value);
  }
  return Number(stamp[1] * 1000n + stamp[2] / 1_000_000n);
}

const SAME = ["request_id", "requester", "provider", "affair", "procedure", "item", "requested_at"];

/** What the two records of one exchange say together, as the page has to show it. */
export function exchange(request, outcome) {
  if (request.kind !== REQUEST || outcome.kind !== OUTCOME || !(outcome.outcome in OUTCOMES)) throw new Refused("record", "kind");
  const other = SAME.find((name) => request[name] !== outcome[name]);
  if (other) throw new Refused("record", other);
  const told = Object.fromEntries(SAME.map((name) => [name, String(request[name])]));
  return { ...told, answered_at: "answered_at" in outcome ? String(outcome.answered_at) : "", outcome: OUTCOMES[outcome.outcome] };
}

/** A record as the portal sends it. */
export function received(part) {
  const record = fromBase64(part.record);
  return { record, salt: fromBase64(part.salt), path: part.path.map(fromBase64), index: part.index };
}

/** A correction as the portal sends it. */
export function receivedCorrection(part) {
  const event = fromBase64(part.event);
  return { event, salt: fromBase64(part.salt), path: part.path.map(fromBase64), index: part.index };
}
