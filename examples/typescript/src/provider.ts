/** A provider: under each permit one look-up, one record, one sealed and signed answer (docs/PROTOCOL.md §6). */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, Fine, Outcome, type SealedAnswer, answerBytes, answerDigest, sealAnswers } from "./answer.js";
import { Admission, type ProvideRequest, type Question } from "./admit.js";
import { MOST_ITEMS } from "./batch.js";
import { contracts } from "./contracts.js";
import { Copies, type Found, MOST_RECORDS, type Person, lookUp } from "./copies.js";
import type { Directory } from "./directory.js";
import { Refusal } from "./errors.js";
import type { Kept, KeptPermit, KeptRecord } from "./kept.js";
import type { OwnKeys, SealingKey } from "./keys.js";
import type { CheckedPermit } from "./permit.js";
import { commit } from "./record.js";
import { type SealedBlock, blockHash } from "./sealing.js";
import { bytes, text } from "./store.js";
import { REVIEW_SAMPLE } from "./tags.js";
import { dayOf, timestamp } from "./times.js";
import type { Trust } from "./trust.js";

interface ProvideResult {
  outcome: number;
  answer_block?: number;
  answer_index?: number;
  non_disclosure?: boolean;
  error?: object;
}

export interface ProvideResponse {
  answers: SealedAnswer[];
  results: ProvideResult[];
}

/** What the copies and the rules of review make of a question. */
export interface Reply {
  question: Question;
  outcome: number;
  fine: number;
  nonDisclosure: boolean;
  answer: Answer;
}

const PORTAL = "portal";
const SAMPLE = 40n;
const FRESH_DAYS = 7;
const ANSWERS_BYTES = 2 * 1024 * 1024;
const SEALED = "warifu.exchange.v1.SealedAnswer";
const REQUEST = 1;
const OUTCOME = 2;

export interface ProviderParts {
  folder: string;
  keys: OwnKeys;
  trust: Trust;
  directory: Directory;
  kept: Kept;
}

export class Provider {
  isPublished = false;
  protected readonly admission: Admission;
  protected most = MOST_RECORDS;
  private readonly copies: Copies;
  /** Simulated time ahead of the machine's, as far as permits told it: they carry both. */
  private ahead = Number.NEGATIVE_INFINITY;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(protected readonly parts: ProviderParts) {
    this.admission = this.admits(parts);
    this.copies = new Copies(join(parts.folder, "copies.json"));
  }

  /** Answer a call. Calls wait for each other, so that one permit never has two look-ups. */
  provide(request: ProvideRequest): Promise<ProvideResponse> {
    const next = this.turn.then(() => this.answer(request));
    this.turn = next.catch(() => undefined);
    return next;
  }

  private get institution(): string {
    return this.parts.keys.owner;
  }

  protected admits({ keys, trust, directory }: ProviderParts): Admission {
    return new Admission(keys, trust, directory);
  }

  private async answer(request: ProvideRequest): Promise<ProvideResponse> {
    if (request.provider !== this.institution) throw new Refusal("CLIENT_INSTITUTION_UNKNOWN", { institution: request.provider });
    if (!this.isPublished) throw new Refusal("PROVIDER_UNAVAILABLE");
    if (request.permits.length === 0) throw new Refusal("CLIENT_MALFORMED", { field: "permits", problem: "none" });
    this.checkSize(request);
    const checked = await this.admission.check(request);
    const ids = checked.flatMap((one) => (one instanceof Refusal ? [] : [one.permit.permit_id]));
    if (new Set(ids).size < ids.length) throw new Refusal("CLIENT_MALFORMED", { field: "permits", problem: "one permit id twice" });
    return this.respond(checked, await this.answerNew(request, checked));
  }

  protected checkSize(request: ProvideRequest): void {
    for (const field of ["permits", "queries"] as const) {
      if (request[field].length > MOST_ITEMS) throw new Refusal("CLIENT_TOO_MANY_ITEMS", { field, limit: `${MOST_ITEMS}` });
    }
  }

  /** Answer the permits that are new; what is wrong with the others, by place. */
  protected async answerNew(request: ProvideRequest, checked: (CheckedPermit | Refusal)[]): Promise<Map<number, Refusal>> {
    const errors = new Map<number, Refusal>();
    const questions: Question[] = [];
    for (const [place, one] of checked.entries()) {
      try {
        if (one instanceof Refusal) throw one;
        const known = this.known(one.permit.permit_id, request);
        if (known === undefined) questions.push(await this.question(request, one));
        else await this.again(one, known);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        errors.set(place, error);
      }
    }
    const left = await this.commit(questions.map((question) => this.reply(question)));
    for (const [place, one] of checked.entries()) {
      if (!(one instanceof Refusal) && left.has(one.permit.permit_id)) errors.set(place, new Refusal("PROVIDER_UNAVAILABLE"));
    }
    return errors;
  }

  /** A permit that was used before; `request` is the call that shows it. */
  protected known(id: string, _request: ProvideRequest): KeptPermit | undefined {
    return this.parts.kept.permit(id);
  }

  private async question(request: ProvideRequest, checked: CheckedPermit): Promise<Question> {
    const question = await this.admission.question(request, checked);
    this.ahead = Math.max(this.ahead, checked.exchangeTime - checked.issuedAt);
    return question;
  }

  private reply(question: Question): Reply {
    const { checked } = question;
    const person = this.person(checked);
    const found = this.found(question, person, dayOf(checked.exchangeTime));
    const waits = this.waits(checked, person, found);
    const fine = waits ? Fine.PENDING : found.outcome;
    return this.made(question, person, fine, fine === Fine.PROVIDED ? found.records : []);
  }

  /** Whom the own code of a permit names, with copies and protection. */
  protected person({ code }: CheckedPermit): Person | undefined {
    return this.copies.person(code);
  }

  protected made(question: Question, person: Person | undefined, fine: number, records: Answer["records"]): Reply {
    const { checked, allowed } = question;
    const isOwn = allowed.requesterRole === PORTAL; // who asked for themselves knows of it (PROTO-6.10)
    const nonDisclosure = person?.nonDisclosure === true && !isOwn;
    const answer: Answer = {
      header_hash: checked.headerHash,
      permit_hash: checked.permitHash,
      provider: checked.header.provider,
      requester: checked.header.requester,
      outcome: fine,
      records,
      non_disclosure: nonDisclosure,
      salt: randomBytes(32),
    };
    return { question, outcome: fine === Fine.PENDING ? Outcome.PENDING : Outcome.ANSWERED, fine, nonDisclosure, answer };
  }

  protected found(question: Question, person: Person | undefined, on: string): Found {
    const { allowed, checked, fields } = question;
    const isBlocked = person?.selfDisclosureBlocked === true && allowed.requesterRole === PORTAL;
    if (isBlocked) return { outcome: Fine.WITHHELD, records: [] };
    const wanted = new Set(fields);
    const paths = allowed.fields.filter((path) => wanted.size === 0 || wanted.has(path));
    return lookUp(person, checked.header, on, (path) => paths.includes(path), this.most);
  }

  /** The rules of review: ordered for the person, unless nothing is told anyway; drawn, whoever it is; corrected less than a week ago. */
  protected waits({ permit, exchangeTime }: CheckedPermit, person: Person | undefined, found: Found): boolean {
    const drawn = createHmac("sha256", this.parts.keys.sampleKey).update(REVIEW_SAMPLE).update(permit.permit_id).digest();
    const fresh = dayOf(exchangeTime - (FRESH_DAYS - 1) * 86_400_000);
    const isOrdered = person?.manualReview === true && found.outcome !== Fine.WITHHELD;
    return isOrdered || drawn.readBigUInt64BE() % SAMPLE === 0n || (found.correctedOn ?? "") >= fresh;
  }

  /** Seal a block for each requester and commit permits, records and answers at once; ids of permits that stay unused (PROTO-6.12). */
  private async commit(replies: Reply[]): Promise<Set<string>> {
    const fitting: Reply[] = [];
    let size = 0;
    for (const reply of replies) {
      size += answerBytes(reply.answer).length;
      if (fitting.length > 0 && size > ANSWERS_BYTES) break;
      fitting.push(reply);
    }
    for (const block of this.blocks(fitting)) await this.keep(block);
    return new Set(replies.slice(fitting.length).map((reply) => reply.question.checked.permit.permit_id));
  }

  /** What is sealed together: answers to one key of one requester. */
  protected blocks(replies: Reply[]): Reply[][] {
    const blocks = new Map<string, Reply[]>();
    for (const reply of replies) {
      const { owner, id } = reply.question.recipient;
      blocks.set(`${owner}/${id}`, [...(blocks.get(`${owner}/${id}`) ?? []), reply]);
    }
    return [...blocks.values()];
  }

  private async keep(block: Reply[]): Promise<void> {
    const [first] = block;
    if (first === undefined) return;
    const sealed = await this.seal(block.map((reply) => reply.answer), first.question.recipient);
    const hash = blockHash(sealed.block as SealedBlock);
    this.parts.kept.add({
      kind: "provided",
      sealed: text(contracts().encode(SEALED, sealed)),
      permits: block.map((reply, place) => keptPermit(reply, place)),
      records: block.flatMap((reply) => [...this.requestRecord(reply), ...this.outcomeRecord(reply, hash)]),
    });
  }

  protected seal(answers: Answer[], recipient: SealingKey): Promise<SealedAnswer> {
    return sealAnswers(answers, recipient, this.parts.keys);
  }

  protected requestRecord({ question: { checked } }: Reply): KeptRecord[] {
    const record = commit({ ...common(checked), kind: REQUEST, non_disclosure: checked.header.non_disclosure });
    return [{ ...keptRecord(record, checked), promised: text(checked.permit.commitment) }];
  }

  /** Of the outcome when it is final. */
  protected outcomeRecord(reply: Reply, sealedHash: Buffer): KeptRecord[] {
    const { checked } = reply.question;
    if (reply.outcome !== Outcome.ANSWERED) return [];
    const record = commit({
      ...common(checked),
      kind: OUTCOME,
      outcome: reply.outcome,
      fine_outcome: reply.fine,
      answered_at: timestamp(this.network(checked)),
      non_disclosure: reply.nonDisclosure || checked.header.non_disclosure,
      answer_digest: answerDigest(answerBytes(reply.answer)),
    });
    return [{ ...keptRecord(record, checked), sealedHash: text(sealedHash) }];
  }

  private network(checked: CheckedPermit): number {
    const known = Number.isFinite(this.ahead) ? this.ahead : checked.exchangeTime - checked.issuedAt;
    return Math.max(Date.now() + known, checked.exchangeTime);
  }

  /** A used permit is shown again: the same bytes return the stored answer, or the clerk's decision once there is one. */
  protected async again(checked: CheckedPermit, known: KeptPermit): Promise<void> {
    if (text(checked.permitHash) !== known.hash) throw new Refusal("CLIENT_PERMIT_CHANGED");
    if (known.outcome !== Outcome.PENDING) return;
    if (this.network(checked) > checked.reviewUntil) throw new Refusal("CLIENT_PERMIT_EXPIRED");
    const decision = this.decision(known.id);
    if (decision === undefined) return;
    const person = this.person(checked);
    const question = { checked, allowed: this.admission.allowed(checked), fields: known.fields, recipient: await this.admission.recipient(checked) };
    const found = this.found(question, person, dayOf(this.network(checked)));
    const isWithheld = decision === "withhold";
    const reply = this.made(question, person, isWithheld ? Fine.WITHHELD : found.outcome, isWithheld ? [] : found.records);
    const sealed = await this.seal([reply.answer], question.recipient);
    this.parts.kept.add({
      kind: "provided",
      sealed: text(contracts().encode(SEALED, sealed)),
      permits: [keptPermit(reply, 0)],
      records: this.outcomeRecord(reply, blockHash(sealed.block as SealedBlock)),
    });
  }

  /** What a clerk decided: `decisions/<permit id>` in the party's folder says "provide" or "withhold". */
  private decision(id: string): "provide" | "withhold" | undefined {
    const path = join(this.parts.folder, "decisions", id);
    if (!existsSync(path)) return undefined;
    const word = readFileSync(path, "utf8").trim();
    return word === "provide" || word === "withhold" ? word : undefined;
  }

  /** Answers as they are stored, each block once. */
  protected respond(checked: (CheckedPermit | Refusal)[], errors: Map<number, Refusal>): ProvideResponse {
    const blocks: string[] = [];
    const results = checked.map((one, place): ProvideResult => {
      const error = errors.get(place);
      const known = one instanceof Refusal ? undefined : this.parts.kept.permit(one.permit.permit_id);
      if (error !== undefined || known === undefined) {
        return { outcome: Outcome.ERROR, error: (error ?? new Refusal("PROVIDER_INTERNAL")).failure() };
      }
      if (!blocks.includes(known.sealed)) blocks.push(known.sealed);
      const answer_block = blocks.indexOf(known.sealed);
      return { outcome: known.outcome, answer_block, answer_index: known.place, non_disclosure: known.nonDisclosure };
    });
    return { answers: blocks.map((sealed) => contracts().decode<SealedAnswer>(SEALED, bytes(sealed))), results };
  }
}

function keptPermit(reply: Reply, place: number): KeptPermit {
  const { checked, fields } = reply.question;
  return {
    id: checked.permit.permit_id,
    hash: text(checked.permitHash),
    permit: text(checked.bytes),
    place,
    outcome: reply.outcome,
    nonDisclosure: reply.nonDisclosure,
    fields,
  };
}

function common({ header, permit, exchangeTime }: CheckedPermit): object {
  const { request_id, requester, provider, affair, procedure, item, office, clerk } = header;
  const { table_version, row } = permit;
  return { request_id, requester, provider, affair, procedure, item, office, clerk, table_version, row, requested_at: timestamp(exchangeTime) };
}

const keptRecord = (made: { record: Buffer; salt: Buffer; commitment: Buffer }, checked: CheckedPermit): KeptRecord => ({
  record: text(made.record),
  salt: text(made.salt),
  commitment: text(made.commitment),
  permitHash: text(checked.permitHash),
});
