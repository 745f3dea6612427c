// The check itself: what was received, against keys that are pinned and a checkpoint that was remembered. It shows nothing and asks nothing.

import { Refused, fromBase64, toHex } from "./bytes.js";
import { checkConsistency, checkInclusion, leafHash } from "./merkle.js";
import { checkLog, checkWitness, parseCheckpoint, parseNote, readKey } from "./note.js";
import { commitment, decode, decodeCorrection, eventCommitment, exchange, received, receivedCorrection } from "./record.js";

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

/** What the corrections that were received say, by commitment in hexadecimal; those that wait for the witness are left out. */
async function checkCorrections(proofs, head) {
  const told = new Map();
  for (const proof of proofs ?? []) {
    if (proof.state === "not-yet-witnessed") continue;
    const part = receivedCorrection(proof);
    const committed = await eventCommitment(part.salt, part.event);
    await checkInclusion(await leafHash(committed), part.index, head.size, part.path, head.root).catch(() => {
      throw new Refused("unlogged");
    });
    told.set(toHex(committed), decodeCorrection(part.event));
  }
  return told;
}

/** A correction on the page against what was proved of it: the same words of the same institution about the same exchange. */
function judgeCorrection(shown, said, waiting) {
  if (said === undefined) return waiting ? { state: "waiting" } : { state: "failed", kind: "missing" };
  const wrong = ["request_id", "institution", "statement", "at"].filter((name) => said[name] !== shown[name]);
  if (wrong.length === 0) return { state: "checked" };
  return { state: "failed", kind: "differs", differs: wrong.map((name) => ({ name, shown: shown[name], said: said[name], read: false })) };
}

/** Judge the corrections that a page shows of one exchange. */
async function judgeCorrections(shown, proof, head) {
  if (shown.length === 0) return [];
  const all = (judged) => shown.map(() => judged);
  if (proof === undefined) return all({ state: "failed", kind: "missing" });
  if (proof.state === "not-yet-witnessed") return all({ state: "waiting" });
  if (proof.state !== undefined || head === null) return all({ state: "failed", kind: "form" });
  try {
    const said = await checkCorrections(proof.corrections, head);
    const waiting = (proof.corrections ?? []).some((one) => one.state === "not-yet-witnessed");
    return shown.map((one) => judgeCorrection(one, said.get(one.commitment), waiting));
  } catch (error) {
    return all({ state: "failed", kind: error.kind ?? "record" });
  }
}

/** A row with its corrections: one that fails is a failure of the row that it is shown with. */
async function judgeWhole(row, proof, head, expected) {
  const own = await judgeRow(row, proof, head, expected);
  const corrections = await judgeCorrections(row.corrections ?? [], proof, head);
  const failed = corrections.find((one) => one.state === "failed");
  const whole = failed && own.state !== "failed" ? failed : own;
  return corrections.length === 0 ? whole : { ...whole, corrections };
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
 * `rows`: of each exchange that it shows its id, `fields`, `texts` and, where it shows them, `corrections`; `answer`: what the portal answered; `remembered`: the note of last
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
  const judged = await Promise.all(rows.map((row) => judgeWhole(row, proofs.get(row.id), head, expected)));
  const silent = head !== null && (head.cosigned < now - FRESH_SECONDS || head.cosigned > now + SKEW_SECONDS);
  const quiet = (one) => (silent && one.state === "checked" ? { ...one, state: "silent" } : one);
  const told = judged.map((row) => (row.corrections ? { ...quiet(row), corrections: row.corrections.map(quiet) } : quiet(row)));
  const states = new Set(told.flatMap((row) => [row.state, ...(row.corrections ?? []).map((one) => one.state)]));
  const state = ["failed", "silent", "waiting"].find((one) => states.has(one)) ?? "checked";
  return { state, rows: told, remember: answer.checkpoint, cosigned: head === null ? null : head.cosigned };
}
