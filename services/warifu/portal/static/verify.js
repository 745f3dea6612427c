// The check itself: what was received, against keys that are pinned and a checkpoint that was remembered. It shows nothing and asks nothing.

import { Refused, fromBase64 } from "./bytes.js";
import { checkConsistency, checkInclusion, leafHash } from "./merkle.js";
import { checkLog, checkWitness, parseCheckpoint, parseNote, readKey } from "./note.js";
import { commitment, decode, exchange, received } from "./record.js";

export const FRESH_SECONDS = 600;
export const SKEW_SECONDS = 30;

/** Keys ready for use; null where this browser has no Ed25519 or, outside a secure context, no WebCrypto. */
export async function readKeys(log, witness) {
  try {
    return { log: await readKey(log), witness: await readKey(witness) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    return null;
  }
}

/** The head of a signed and cosigned note: {size, root, cosigned} (seconds). */
export async function checkHead(raw, keys) {
  const note = parseNote(raw);
  await checkLog(note, keys.log);
  const head = parseCheckpoint(note.text, keys.log.name);
  return { ...head, cosigned: await checkWitness(note, keys.witness) };
}

/** The checkpoint of last time; null when none was kept, or what was kept is no checkpoint of this log. */
export async function recall(raw, keys) {
  if (!raw) return null;
  try {
    return await checkHead(raw, keys);
  } catch {
    return null;
  }
}

/** The log still begins with what it was last time. */
async function checkHistory(before, head, path) {
  if (before === null) return;
  if (head === null || head.size < before.size) throw new Refused("smaller");
  try {
    await checkConsistency(before.size, before.root, head.size, head.root, (path ?? []).map(fromBase64));
  } catch {
    throw new Refused("forked");
  }
}

/** What an entry's two records say, when both are in the tree. */
async function checkRecords(proof, head) {
  const told = [];
  for (const part of [proof.request, proof.outcome].map(received)) {
    const leaf = await leafHash(await commitment(part.salt, part.record));
    await checkInclusion(leaf, part.index, head.size, part.path, head.root).catch(() => {
      throw new Refused("unlogged");
    });
    told.push(decode(part.record));
  }
  return exchange(...told);
}

/** What the page shows otherwise than the records say: `fields` as codes and times, `texts` as a person reads them. */
function differences({ fields, texts }, said, expected) {
  const wrong = Object.keys(said)
    .filter((name) => said[name] !== fields[name])
    .map((name) => ({ name, shown: fields[name] ?? "", said: said[name] }));
  for (const { name, text } of texts) {
    const right = expected(name, said);
    if (right !== null && right !== text) wrong.push({ name, shown: text, said: right, read: !name.includes("_datetime") });
  }
  return wrong;
}

async function judgeRow(row, proof, head, expected) {
  if (proof === undefined) return { state: "failed", kind: "missing" };
  if (proof.state === "not-yet-witnessed") return { state: "waiting" };
  if (proof.state !== undefined || head === null) return { state: "failed", kind: "form" };
  try {
    const differs = differences(row, await checkRecords(proof, head), expected);
    return differs.length === 0 ? { state: "checked" } : { state: "failed", kind: "differs", differs };
  } catch (error) {
    return { state: "failed", kind: error.kind ?? "record" };
  }
}

/**
 * Judge a page.
 *
 * `rows`: of each exchange that it shows its id, `fields` and `texts`; `answer`: what the portal answered; `remembered`: the note of last
 * time, or null; `now`: seconds since 1970; `expected(name, said)`: the text that says a field to a person, or null where that is not known.
 * Gives {state, kind, rows, remember, cosigned}: `rows` a judgement for each, `remember` the note to keep, or null.
 */
export async function judge({ rows, answer, remembered, keys, now, expected = () => null }) {
  const everywhere = (kind) => ({ state: "failed", kind, rows: rows.map(() => ({ state: "failed", kind })), remember: null });
  if (answer.problem !== undefined) return everywhere("unprovable");
  let head = null;
  try {
    head = answer.checkpoint === null ? null : await checkHead(answer.checkpoint, keys);
    await checkHistory(await recall(remembered, keys), head, answer.consistency);
  } catch (error) {
    return everywhere(error.kind ?? "note");
  }
  const proofs = new Map(Object.entries(answer.entries));
  const judged = await Promise.all(rows.map((row) => judgeRow(row, proofs.get(row.id), head, expected)));
  const silent = head !== null && (head.cosigned < now - FRESH_SECONDS || head.cosigned > now + SKEW_SECONDS);
  const told = judged.map((row) => (silent && row.state === "checked" ? { state: "silent" } : row));
  const state = ["failed", "silent", "waiting"].find((one) => told.some((row) => row.state === one)) ?? "checked";
  return { state, rows: told, remember: answer.checkpoint, cosigned: head === null ? null : head.cosigned };
}
