/** Just enough DER to read a revocation list (RFC 5280 §5): Node verifies certificates, but knows no lists. */

export interface Element {
  tag: number;
  /** The element's own bytes, header included. */
  whole: Buffer;
  content: Buffer;
}

/** The elements that lie one after the other in some bytes. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, first] = [bytes[at], bytes[at + 1]];
    if (tag === undefined || first === undefined) throw new Error("DER: cut short");
    const long = first < 128 ? 0 : first & 127;
    const start = at + 2 + long;
    const size = long === 0 ? first : bytes.readUIntBE(at + 2, long);
    if (start + size > bytes.length) throw new Error("DER: cut short");
    found.push({ tag, whole: bytes.subarray(at, start + size), content: bytes.subarray(start, start + size) });
    at = start + size;
  }
  return found;
}

const INTEGER = 0x02;
const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const TIMES = [UTC_TIME, 0x18];

export interface RevocationList {
  /** What the issuer signed. */
  signed: Buffer;
  signature: Buffer;
  serials: Set<bigint>;
  nextUpdate: number;
}

export function readRevocationList(pem: string): RevocationList {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
  const [outer] = elements(der);
  const [list, , signature] = elements(outer?.content ?? Buffer.alloc(0));
  if (list === undefined || signature === undefined) throw new Error("not a revocation list");
  const parts = elements(list.content);
  const times = parts.filter((part) => TIMES.includes(part.tag));
  const last = times.at(-1);
  if (times.length !== 2 || last === undefined) throw new Error("a revocation list without an end");
  const after = parts[parts.indexOf(last) + 1];
  const entries = after?.tag === SEQUENCE ? elements(after.content) : [];
  const serials = entries.map((entry) => elements(entry.content)[0]).filter((one) => one?.tag === INTEGER);
  return {
    signed: list.whole,
    signature: signature.content.subarray(1), // the number of unused bits comes first
    serials: new Set(serials.map((one) => BigInt(`0x${one?.content.toString("hex") ?? "0"}`))),
    nextUpdate: timeOf(last),
  };
}

function timeOf(element: Element): number {
  const text = element.content.toString("ascii");
  const full = element.tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (parts === null) throw new Error("DER: not a time");
  const [, year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
