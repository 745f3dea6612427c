/** A requester: enrols people, asks about them at the gateway, and believes what it is told as far as receipt, signature and seal go (docs/PROTOCOL.md §2, §4, §7). */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Answer, Outcome, type SealedAnswer, answerBytes, answerDigest, openAnswer } from "./answer.js";
import { sha256 } from "./bytes.js";
import { FormError, contracts } from "./contracts.js";
import { Directory, type Seen, ownEntry } from "./directory.js";
import { Enrolment, type Enrolling, type Held } from "./enrolment.js";
import { Refusal, known } from "./errors.js";
import { type RequestHeader, type Span, checkHeader } from "./header.js";
import { OwnKeys, type SealingKey, type VerifyingKey } from "./keys.js";
import { type Calls, PartyFolder } from "./party.js";
import { type Receipt, checkReceipt } from "./receipt.js";
import { commit } from "./record.js";
import { QUERY, type SealedBlock, blockHash, seal } from "./sealing.js";
import { Journal, bytes, text } from "./store.js";
import type { Trust } from "./trust.js";
import { type Timestamp, timestamp } from "./times.js";

/** What is to be asked. */
export interface Ask {
  /** The same id again is the same inquiry; a new one is drawn when it is absent. */
  requestId?: string;
  provider: string;
  affair: string;
  procedure: string;
  item: string;
  span?: Span;
  office: string;
  clerk: string;
  /** The own code of the person, hexadecimal; when it is absent, the one that was claimed for the addressee number. */
  code?: string;
  addresseeNo?: string;
  /** Field paths wanted; all that the row releases when there are none. */
  fields?: string[];
  nonDisclosure?: boolean;
}

/** What became of it. */
export interface Told {
  requestId: string;
  outcome: string;
  /** Why not, when DENIED or ERROR. */
  reason?: string;
  answer?: object;
}

/** Where an exchange stands, as the gateway says. */
export interface Exchange {
  outcome: number;
  receipt: Receipt | null;
  denial?: { reason: string } | null;
  error?: { reason: string } | null;
  answer?: SealedAnswer | null;
  answer_index: number;
  permit_hash?: Buffer;
  review_until?: Timestamp | null;
}

interface Kept {
  record: string;
  salt: string;
  commitment: string;
}

/** A record as it is listed, in the JSON of `warifu.linkage.v1.PositionedRecord`. */
export interface Listed {
  record: Kept;
  permitHash?: string;
  evidence: { promised?: string };
}

/** One line of the journal: stored before it is sent, or before it is told. */
type Entry =
  | Seen
  | Held
  | { kind: "version"; version: number }
  | { kind: "asked"; id: string; header: string; inquiry: string; query: string }
  | { kind: "received"; id: string; receipt: string; permitHash?: string; records: Kept[] }
  | { kind: "told"; id: string; told: Told; receipt: string; permitHash?: string; answer?: string; records: Kept[] };

export type Asked = Extract<Entry, { kind: "asked" }>;

type Received = Extract<Entry, { kind: "received" }>;
type Ended = Extract<Entry, { kind: "told" }>;

const NUMBERING = "warifu.numbering.v1.NumberingService";
const ENROLMENT = "warifu.enrolment.v1.EnrolmentService";
const HEADER = "warifu.exchange.v1.RequestHeader";
const FINAL: readonly number[] = [Outcome.ANSWERED, Outcome.DENIED, Outcome.ERROR, Outcome.EXPIRED];
const INQUIRE_DEADLINE = 10_000;
const TRIES = 5;
const PAUSE = 200;

export class Requester {
  private version = 0;
  protected readonly asked = new Map<string, Asked>();
  private readonly received = new Map<string, Received>();
  private readonly ended = new Map<string, Ended>();
  private readonly journal: Journal<Entry>;
  protected readonly directory: Directory;
  private readonly enrolment: Enrolment;
  private readonly relay: Calls;
  protected readonly gateway: Calls;

  constructor(private readonly party: PartyFolder, protected readonly keys: OwnKeys) {
    this.relay = party.calls("gateway", "warifu.linkage.v1.DirectoryService");
    this.gateway = party.calls("gateway", "warifu.linkage.v1.LinkageService");
    this.enrolment = this.enrolling(keys.owner, party.calls("numbering", NUMBERING), party.calls("gateway", ENROLMENT), (held) => this.journal.add(held));
    this.directory = this.reader(party.trust, this.relay, (seen) => this.journal.add(seen));
    this.journal = new Journal(join(party.folder, `${keys.owner}.journal`), (entry) => this.apply(entry));
  }

  protected static party(folder: string, institution: string): PartyFolder {
    return new PartyFolder(folder, institution);
  }

  /** The institution whose party folder this is, with its keys published. */
  static async open(folder: string, institution: string): Promise<Requester> {
    const party = this.party(folder, institution);
    const keys = await OwnKeys.loadOrCreate(institution, join(folder, "secrets", `${institution}.node.json`));
    const requester = new this(party, keys);
    await requester.publish();
    return requester;
  }

  /** Obtain a person's code, to be asked about by the addressee number. */
  enrol(person: Enrolling): Promise<void> {
    return this.enrolment.enrol(person);
  }

  /** Ask, and go on until there is a final outcome or `until` (machine time) has come. */
  async ask(ask: Ask, until: number): Promise<Told> {
    const id = ask.requestId ?? randomUUID();
    const ended = this.final(id);
    if (ended !== undefined) return ended;
    const asked = this.asked.get(id) ?? (await this.store(id, ask));
    let exchange = await this.inquire(asked);
    let told = await this.judge(asked, exchange);
    while (!this.isFinal(exchange.outcome) && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      ({ exchange } = await this.gateway.call<{ exchange: Exchange }>("Collect", { request_id: id }, INQUIRE_DEADLINE));
      told = await this.judge(asked, exchange);
    }
    return told;
  }

  /** The own records of an exchange, each with what it can be checked by (PROTO-13.4). */
  records(id: string): Listed[] {
    const kept = this.ended.get(id) ?? this.received.get(id);
    if (kept === undefined) return [];
    const { commitment } = contracts().decode<Receipt>("warifu.linkage.v1.Receipt", bytes(kept.receipt));
    return kept.records.map((record, place) => ({
      record,
      ...(kept.permitHash === undefined ? {} : { permitHash: kept.permitHash }),
      evidence: place === 0 ? { promised: text(commitment) } : {},
    }));
  }

  close(): void {
    this.relay.close();
    this.gateway.close();
    this.enrolment.close();
    this.journal.close();
  }

  protected final(id: string): Told | undefined {
    return this.ended.get(id)?.told;
  }

  protected isFinal(outcome: number): boolean {
    return FINAL.includes(outcome);
  }

  protected reader(trust: Trust, relay: Calls, keep: (seen: Seen) => void): Directory {
    return new Directory(trust, relay, keep);
  }

  protected enrolling(...parts: ConstructorParameters<typeof Enrolment>): Enrolment {
    return new Enrolment(...parts);
  }

  /** Only rises. */
  protected nextVersion(): number {
    return Math.max(Date.now(), this.version + 1);
  }

  private async publish(): Promise<void> {
    const version = this.nextVersion();
    this.journal.add({ kind: "version", version });
    await this.relay.call("PublishEntry", { entry: ownEntry(this.keys, this.party, version) });
  }

  /** The whole request, durable before it is sent: a retry sends the same bytes (PROTO-4.1). */
  private async store(id: string, ask: Ask): Promise<Asked> {
    const header = this.header(id, ask);
    const code = ask.code === undefined ? await this.enrolment.code(ask.addresseeNo ?? "") : Buffer.from(ask.code, "hex");
    const { sealing } = await this.directory.newest(ask.provider);
    const block = await this.query(header, ask.fields ?? [], sealing);
    const inquiry = this.inquiry(header, code, block);
    const query = text(contracts().encode("warifu.exchange.v1.SealedBlock", block));
    const asked: Asked = { kind: "asked", id, header: text(header), inquiry: text(inquiry), query };
    this.keepAsked(asked);
    return asked;
  }

  protected keepAsked(asked: Asked): void {
    this.journal.add(asked);
  }

  /** What is bound to the header (PROTO-4.4). */
  protected inquiry(header: Buffer, code: Buffer, block: SealedBlock): Buffer {
    const named = { header, subject: { code }, query_block_hash: blockHash(block), query_index: 0 };
    return contracts().encode("warifu.exchange.v1.Inquiry", named);
  }

  protected header(id: string, ask: Ask): Buffer {
    const { provider, affair, procedure, item, office, clerk } = ask;
    const bytes = contracts().encode(HEADER, {
      ...{ request_id: id, requester: this.keys.owner, provider, affair, procedure, item, office, clerk },
      ...(ask.span === undefined ? {} : { span: ask.span }),
      non_disclosure: ask.nonDisclosure ?? false,
    });
    try {
      checkHeader(contracts().decode<RequestHeader>(HEADER, bytes));
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      throw new Refusal("CLIENT_MALFORMED", { field: "header", problem: error.message });
    }
    return bytes;
  }

  protected query(header: Buffer, fields: string[], provider: SealingKey): Promise<SealedBlock> {
    const hash = sha256(header);
    const plaintext = contracts().encode("warifu.exchange.v1.QueryBlock", { queries: [{ header_hash: hash, fields }] });
    return seal(QUERY, provider, [hash], plaintext);
  }

  private async inquire(asked: Asked): Promise<Exchange> {
    for (let left = TRIES; ; left--) {
      try {
        return await this.send(asked);
      } catch (error) {
        if (left === 0 || !(error instanceof Refusal && this.mayPass(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  /** The stored bytes, as often as need be (PROTO-9.4). */
  protected async send(asked: Asked): Promise<Exchange> {
    const query = contracts().decode<SealedBlock>("warifu.exchange.v1.SealedBlock", bytes(asked.query));
    const request = { inquiry: bytes(asked.inquiry), query };
    return (await this.gateway.call<{ exchange: Exchange }>("Inquire", request, INQUIRE_DEADLINE)).exchange;
  }

  protected mayPass(refusal: Refusal): boolean {
    return refusal.failure().retryable;
  }

  /** Receipt, signature, seal and content are checked before anything of it counts; what is final is stored before it is told. */
  private async judge(asked: Asked, exchange: Exchange): Promise<Told> {
    const receipt = await this.receipt(exchange);
    const header = contracts().decode<RequestHeader>(HEADER, bytes(asked.header));
    const answer = await this.answer(asked, header, exchange);
    const reason = this.reason(exchange);
    const told: Told = {
      requestId: asked.id,
      outcome: this.outcome(exchange),
      ...(reason === undefined ? {} : { reason }),
      ...(answer === undefined ? {} : { answer: shown(answer) }),
    };
    if (this.isFinal(exchange.outcome)) this.keep(told, header, exchange, receipt, answer);
    else if (!this.received.has(asked.id)) this.note(asked.id, header, exchange, receipt);
    return told;
  }

  protected outcome(exchange: Exchange): string {
    return Object.keys(Outcome).find((name) => Outcome[name as keyof typeof Outcome] === exchange.outcome) ?? "UNKNOWN";
  }

  /** Why not; a reason that nobody knows is the gateway's own failure (PROTO-9.3). */
  protected reason(exchange: Exchange): string | undefined {
    const said = exchange.denial?.reason ?? exchange.error?.reason;
    return said === undefined ? undefined : known(said, "GATEWAY");
  }

  protected async receipt(exchange: Exchange): Promise<Receipt> {
    const key = await this.directory.signingKey("gateway", exchange.receipt?.signature?.key_id ?? "");
    return checkReceipt(exchange.receipt, () => key);
  }

  private async answer(asked: Asked, header: RequestHeader, exchange: Exchange): Promise<Answer | undefined> {
    if (exchange.outcome !== Outcome.ANSWERED && exchange.outcome !== Outcome.PENDING) return undefined;
    const { answer: sealed, permit_hash: permitHash } = exchange;
    const provider = sealed ? await this.directory.signingKey(header.provider, sealed.key_id) : undefined;
    if (!sealed || permitHash === undefined || provider === undefined) throw new Refusal("PROVIDER_ANSWER_INVALID");
    return this.believed(sealed, exchange.answer_index, provider, sha256(bytes(asked.header)), permitHash);
  }

  protected believed(sealed: SealedAnswer, place: number, provider: VerifyingKey, headerHash: Buffer, permitHash: Buffer): Promise<Answer> {
    return openAnswer(sealed, place, this.keys, provider, headerHash, permitHash);
  }

  /** The own record of a request whose outcome is to come (PROTO-7.4). */
  protected note(id: string, header: RequestHeader, exchange: Exchange, receipt: Receipt): void {
    const records = this.recorded(this.requested(header, receipt));
    const permitHash = exchange.permit_hash ? { permitHash: text(exchange.permit_hash) } : {};
    this.journal.add({ kind: "received", id, receipt: text(contracts().encode("warifu.linkage.v1.Receipt", receipt)), ...permitHash, records });
  }

  private requested(header: RequestHeader, receipt: Receipt): object {
    const { request_id, requester, provider, affair, procedure, item, office, clerk, non_disclosure } = header;
    const what = { request_id, requester, provider, affair, procedure, item, office, clerk, non_disclosure };
    return { ...what, requested_at: receipt.exchange_time ?? timestamp(0), kind: 1 };
  }

  /** The own records of request and outcome (PROTO-7.4), with the answer's digest (PROTO-7.11). */
  private keep(told: Told, header: RequestHeader, exchange: Exchange, receipt: Receipt, answer: Answer | undefined): void {
    const request = this.requested(header, receipt);
    const outcome = {
      ...{ ...request, kind: 2, outcome: exchange.outcome, non_disclosure: header.non_disclosure || answer?.non_disclosure === true },
      ...(told.reason === undefined ? {} : { reason: told.reason }),
      ...(answer === undefined ? {} : { fine_outcome: answer.outcome, answer_digest: answerDigest(answerBytes(answer)) }),
    };
    const before = this.received.get(told.requestId)?.records ?? this.recorded(request);
    const records = [...before, ...this.recorded(outcome)];
    this.journal.add({
      kind: "told",
      id: told.requestId,
      told,
      receipt: text(contracts().encode("warifu.linkage.v1.Receipt", receipt)),
      ...(answer === undefined || !exchange.permit_hash ? {} : { answer: text(answerBytes(answer)), permitHash: text(exchange.permit_hash) }),
      records,
    });
  }

  protected recorded(...entries: object[]): Kept[] {
    return entries.map(commit).map((one) => ({ record: text(one.record), salt: text(one.salt), commitment: text(one.commitment) }));
  }

  private apply(entry: Entry): void {
    if (entry.kind === "seen") this.directory.remember(entry);
    else if (entry.kind === "enrolled" || entry.kind === "superseded") this.enrolment.apply(entry);
    else if (entry.kind === "version") this.version = entry.version;
    else if (entry.kind === "received") this.received.set(entry.id, entry);
    else if (entry.kind === "asked") this.asked.set(entry.id, entry);
    else this.ended.set(entry.id, entry);
  }
}

/** An answer for people and programs: protobuf's JSON, without what binds and hides it. */
function shown(answer: Answer): object {
  const type = contracts().root.lookupType("warifu.exchange.v1.Answer");
  const { outcome, records, non_disclosure } = type.toObject(type.decode(answerBytes(answer)), { longs: Number, enums: String }) as {
    outcome: string;
    records?: object[];
    non_disclosure?: boolean;
  };
  return { outcome, records: records ?? [], non_disclosure: non_disclosure ?? false };
}
