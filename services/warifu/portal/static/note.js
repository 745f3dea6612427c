// Signed notes, checkpoints and cosignatures (c2sp.org/signed-note, /tlog-checkpoint, /tlog-cosignature), checked with WebCrypto.

import { Refused, concat, equal, fromBase64, sha256, utf8 } from "./bytes.js";

const LOG = 1;
const WITNESS = 4;
const ID = 4;
const TIME = 8;
const SIGNATURE = 64;
const MOST_LINES = 64;
const LARGEST = 512 * 1024;
const LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** A verifier key, "name+id+base64", ready for use. Throws NotSupportedError where the browser has no Ed25519. */
export async function readKey(text) {
  const [name, id, ...rest] = text.split("+");
  const material = fromBase64(rest.join("+"));
  const digest = await sha256(utf8(`${name}\n`), material);
  const hex = [...digest.slice(0, ID)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (![LOG, WITNESS].includes(material[0]) || material.length !== 33 || hex !== id) throw new Refused("key", name);
  const key = await crypto.subtle.importKey("raw", material.slice(1), { name: "Ed25519" }, false, ["verify"]);
  return { text, name, id: digest.slice(0, ID), kind: material[0], key };
}

/** Text and signature lines; nothing is checked yet. */
export function parseNote(raw) {
  if (typeof raw !== "string" || raw.length > LARGEST || /[\x00-\x09\x0b-\x1f]/.test(raw)) throw new Refused("note");
  const cut = raw.lastIndexOf("\n\n");
  if (cut < 1 || !raw.endsWith("\n")) throw new Refused("note");
  const lines = raw.slice(cut + 2, -1).split("\n");
  if (lines.length > MOST_LINES) throw new Refused("note");
  const signatures = lines.map((line) => {
    const match = LINE.exec(line);
    if (!match) throw new Refused("note");
    const content = fromBase64(match[2]);
    if (content.length <= ID) throw new Refused("note");
    return { name: match[1], id: content.slice(0, ID), content: content.slice(ID) };
  });
  return { text: raw.slice(0, cut + 1), signatures };
}

function own(note, key, missing) {
  const found = note.signatures.filter((one) => one.name === key.name && equal(one.id, key.id));
  if (found.length === 0) throw new Refused(missing);
  return found;
}

async function verify(key, message, signature, forged) {
  const good = signature.length === SIGNATURE && (await crypto.subtle.verify({ name: "Ed25519" }, key.key, signature, message));
  if (!good) throw new Refused(forged);
}

/** The log signed the text: each line in its name has to fit. */
export async function checkLog(note, key) {
  for (const one of own(note, key, "unsigned")) await verify(key, utf8(note.text), one.content, "forged");
}

/** When the witness cosigned last, seconds since 1970: each line in its name has to fit. */
export async function checkWitness(note, key) {
  let newest = 0;
  for (const one of own(note, key, "unwitnessed")) {
    if (one.content.length !== TIME + SIGNATURE) throw new Refused("miswitnessed");
    const seconds = Number(new DataView(one.content.buffer, one.content.byteOffset, TIME).getBigUint64(0));
    const message = concat(utf8(`cosignature/v1\ntime ${seconds}\n`), utf8(note.text));
    await verify(key, message, one.content.slice(TIME), "miswitnessed");
    newest = Math.max(newest, seconds);
  }
  return newest;
}

/** Size and root of the tree whose head the text is, of the log with this origin. */
export function parseCheckpoint(text, origin) {
  const [name, size, root, ...more] = text.split("\n");
  if (more.length < 1 || more.at(-1) !== "" || more.slice(0, -1).includes("")) throw new Refused("note");
  if (name !== origin || !SIZE.test(size) || !Number.isSafeInteger(Number(size))) throw new Refused("note");
  const hash = fromBase64(root);
  if (hash.length !== 32) throw new Refused("note");
  return { size: Number(size), root: hash };
}
