// The page: collects what it shows, asks the portal for proofs, has them judged, and marks each row. A failure cannot be overlooked.

import { Refused } from "./bytes.js";
import { LOG, WITNESS } from "./keys.js";
import { BOOK } from "./names.js";
import { judge, readKeys, recall } from "./verify.js";
import { teller } from "./words.js";

const RETRY_SECONDS = [3, 6, 12, 24, 48];
const FIELDS = ["request_id", "requester", "provider", "affair", "procedure", "item", "requested_at", "answered_at", "outcome"];
const MEMORY = `warifu/checkpoint/${LOG}`;

const words = document.getElementById("proof-words").content;
const summary = document.getElementById("proof-summary");
const plain = (text) => text.replace(/\s+/g, " ").trim();
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** What one exchange on the page shows: as data, and as a person reads it. */
function read(element) {
  const fields = Object.fromEntries(FIELDS.map((name) => [name, element.dataset[camel(name)] ?? ""]));
  const texts = [...document.querySelectorAll(`[data-of="${CSS.escape(fields.request_id)}"]`)].map((part) => ({
    name: part.dataset.says,
    text: plain(part.textContent),
  }));
  for (const part of element.querySelectorAll("time[data-says]")) {
    texts.push({ name: `${part.dataset.says}_datetime`, text: String(Math.floor(Date.parse(part.dateTime) / 1000)) });
  }
  return { id: fields.request_id, fields, texts, corrections: readCorrections(fields.request_id), element };
}

/** The corrections that the page shows of one exchange. */
function readCorrections(id) {
  return [...document.querySelectorAll(`[data-correction][data-request-id="${CSS.escape(id)}"]`)].map((element) => ({
    commitment: element.dataset.commitment,
    request_id: element.dataset.requestId,
    institution: element.dataset.institution,
    at: element.dataset.at,
    statement: element.querySelector("[data-statement]").textContent,
    element,
  }));
}

/** Ask for proofs. Throws when the portal cannot be asked, or answers something else. */
async function ask(rows, oldSize) {
  const query = new URLSearchParams([...rows.map((row) => ["request_id", row.id]), ["old_size", String(oldSize)]]);
  const response = await fetch(`/api/v1/proofs?${query}`, { headers: { accept: "application/json" }, cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const received = await response.text();
  const answer = JSON.parse(received);
  if (typeof answer !== "object" || answer === null || typeof answer.entries !== "object" || answer.entries === null) throw new Error("form");
  return { answer, received };
}

/** Keep the newest checkpoint: another window may have kept a newer one meanwhile. */
async function remember(note, keys) {
  const [kept, fresh] = [await recall(localStorage.getItem(MEMORY), keys), await recall(note, keys)];
  if (fresh !== null && (kept === null || fresh.size >= kept.size)) localStorage.setItem(MEMORY, note);
}

const copy = (kind, name) => words.querySelector(`[data-${kind}="${name}"]`).cloneNode(true);

function mark(row, state, corrections = []) {
  row.element.dataset.proof = state;
  for (const place of row.element.querySelectorAll("[data-proof-mark]")) place.replaceChildren(copy("mark", state));
  row.corrections?.forEach((one, at) => mark(one, corrections[at]?.state ?? state));
}

function say(state) {
  if (summary.dataset.state === state) return;
  summary.dataset.state = state;
  summary.querySelector("[data-proof-words]").replaceChildren(copy("summary", state));
}

function showAll(rows, state) {
  for (const row of rows) mark(row, state);
  say(state);
}

const base = (name) => name.replace(/_(?:code|datetime)$/, "");
const JAPAN = 9 * 3600 * 1000;

/** A moment that differs by less than the page shows, to the millisecond. */
function precise(name, value) {
  if (!/_at$/.test(name) || !/^-?[0-9]{1,16}$/.test(value)) return value || "—";
  return `${new Date(Number(value) + JAPAN).toISOString().slice(0, -1)}+09:00`;
}

/** Of each thing one difference, in the words that a person reads where those differ. */
function told(differs) {
  const chosen = new Map();
  for (const one of differs) {
    const known = chosen.get(base(one.name));
    if (known === undefined || (one.read && !known.read)) chosen.set(base(one.name), one);
  }
  return [...chosen];
}

/** One failed row, with what differs. */
function reported(row, judged) {
  const item = copy("report", "row");
  const link = item.querySelector("a");
  link.href = `/history/${encodeURIComponent(row.id)}`;
  link.textContent = row.texts.find((text) => text.name === "sentence")?.text ?? row.id;
  item.querySelector("code").textContent = row.id;
  item.querySelector("[data-why]").replaceChildren(copy("kind", judged.kind));
  const list = item.querySelector("dl");
  for (const [name, { shown, said }] of told(judged.differs ?? [])) {
    const part = copy("report", "difference");
    part.querySelector("dt").replaceChildren(copy("field", name));
    part.querySelector("[data-shown]").textContent = precise(name, shown);
    part.querySelector("[data-said]").textContent = precise(name, said);
    list.append(part);
  }
  if (!list.children.length) list.remove();
  return item;
}

/** The evidence as received: enough for somebody else to judge again. */
function evidence(rows, result, received, remembered) {
  return {
    what: "warifu/evidence/v1",
    at: new Date().toISOString(),
    page: location.pathname + location.search,
    keys: { log: LOG, witness: WITNESS },
    remembered_checkpoint: remembered,
    received,
    rows: rows.map(({ id, fields, texts, corrections }, at) => ({
      id,
      fields,
      texts,
      corrections: corrections.map(({ element: _, ...shown }) => shown),
      judged: result.rows[at],
    })),
  };
}

function save(document_) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 2)], { type: "application/json" }));
  link.download = `warifu-evidence-${document_.at.replace(/[:.]/g, "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function raise(rows, result, received, remembered) {
  const banner = copy("report", "banner");
  const whole = result.kind !== undefined;
  if (whole) banner.querySelector("[data-why]").replaceChildren(copy("kind", result.kind));
  else banner.querySelector("[data-why]").remove();
  const list = banner.querySelector("ul");
  rows.forEach((row, at) => {
    if (!whole && result.rows[at].state === "failed") list.append(reported(row, result.rows[at]));
  });
  if (!list.children.length) list.remove();
  const kept = evidence(rows, result, received, remembered);
  banner.querySelector("button").addEventListener("click", () => save(kept));
  const alert = document.getElementById("proof-alert");
  alert.replaceChildren(banner);
  alert.hidden = false;
  document.title = `${banner.dataset.title}｜${document.title}`;
}

function show(rows, result, received, remembered) {
  rows.forEach((row, at) => mark(row, result.rows[at].state, result.rows[at].corrections));
  say(result.state);
  if (result.state === "failed") raise(rows, result, received, remembered);
}

async function check(rows, keys, tries) {
  const remembered = localStorage.getItem(MEMORY);
  const known = await recall(remembered, keys);
  let result = null;
  try {
    const { answer, received } = await ask(rows, known === null ? 0 : known.size);
    const wording = teller(document.documentElement.lang, summary.dataset.book === BOOK);
    const expected = (name, said) => {
      const text = wording(name, said);
      return text === null ? null : plain(text);
    };
    const judged = await judge({ rows, answer, remembered, keys, now: Date.now() / 1000, expected });
    result = judged.state;
    // Before it is shown: whoever leaves the page at once shall not have looked in vain.
    if (judged.remember) await remember(judged.remember, keys);
    show(rows, judged, received, remembered);
  } catch {
    showAll(rows, "unavailable");
  }
  if ([null, "waiting"].includes(result) && tries < RETRY_SECONDS.length) {
    setTimeout(() => check(rows, keys, tries + 1), RETRY_SECONDS[tries] * 1000);
  }
}

async function begin() {
  const rows = [...document.querySelectorAll("[data-exchange]")].map(read);
  if (rows.length === 0) return;
  try {
    const keys = await readKeys(LOG, WITNESS);
    if (keys === null) showAll(rows, "cannot");
    else await check(rows, keys, 0);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showAll(rows, "cannot");
  }
}

await begin();
