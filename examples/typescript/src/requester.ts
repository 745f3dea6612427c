/** A requester: asks at the gateway, and believes what it is told as far as receipt, signature and seal go (docs/PROTOCOL.md §4, §7). */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Answer, Outcome, type SealedAnswer, answerBytes, answerDigest, openAnswer } from "./answer.js";
import { sha256 } from "./bytes.js";
import { contracts } from "./contracts.js";
import { Directory, type Seen, ownEntry } from "./directory.js";
import { Refusal } from "./errors.js";
import { type RequestHeader, type Span, checkHeader } from "./header.js";
import { OwnKeys, SealingKey } from "./keys.js";
import { type Calls, PartyFolder } from "./party.js";
import { type Receipt, checkReceipt } from "./receipt.js";
import { commit } from "./record.js";
import { QUERY, type SealedBlock, blockHash, seal } from "./sealing.js";
import { Journal, bytes, text } from "./store.js";
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
  /** The own code of the person, hexadecimal. */
  code: string;
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

interface Exchange {
  outcome: number;
  receipt: Receipt | null;
  denial?: { reason: string } | null;
  error?: { reason: string } | null;
  answer?: SealedAnswer | null;
  answer_index: number;
  permit_hash?: Buffer;
  review_until?: Timestamp | null;
}

/** One line of the journal: stored before it is sent, or before it is told. */
type Entry =
  | Seen
  | { kind: "version"; version: number }
  | { kind: "asked"; id: string; header: string; inquiry: string; query: string }
  | { kind: "told"; id: string; told: Told; receipt: string; answer?: string; records: { record: string; salt: string; commitment: string }[] };

type Asked = Extract<Entry, { kind: "asked" }>;

const HEADER = "warifu.exchange.v1.RequestHeader";
const FINAL: readonly number[] = [Outcome.ANSWERED, Outcome.DENIED, Outcome.ERROR, Outcome.EXPIRED];
const INQUIRE_DEADLINE = 10_000;
const TRIES = 5;
const PAUSE = 500;

export class Requester {
  private version = 0;
  private readonly asked = new Map<string, Asked>();
  private readonly told = new Map<string, Told>();
  private readonly journal: Journal<Entry>;
  private readonly directory: Directory;
  private readonly relay: Calls;
  private readonly gateway: Calls;

  private constructor(private readonly party: PartyFolder, private readonly keys: OwnKeys) {
    this.relay = party.calls("gateway", "warifu.linkage.v1.DirectoryService");
    this.gateway = party.calls("gateway", "warifu.linkage.v1.LinkageService");
    this.directory = new Directory(party.trust, this.relay, (seen) => this.journal.add(seen));
    this.journal = new Journal(join(party.folder, `${keys.owner}.journal`), (entry) => this.apply(entry));
  }

  /** The institution whose party folder this is, with its keys published. */
  static async open(folder: string, institution: string): Promise<Requester> {
    const party = new PartyFolder(folder, institution);
    const keys = await OwnKeys.loadOrCreate(institution, join(folder, "secrets", `${institution}.node.json`));
    const requester = new Requester(party, keys);
    await requester.publish();
    return requester;
  }

  /** Ask, and go on until there is a final outcome or `until` (machine time) has come. */
  async ask(ask: Ask, until: number): Promise<Told> {
    const id = ask.requestId ?? randomUUID();
    const known = this.told.get(id);
    if (known !== undefined) return known;
    const asked = this.asked.get(id) ?? (await this.store(id, ask));
    let exchange = await this.inquire(asked);
    let told = await this.judge(asked, exchange);
    while (!FINAL.includes(exchange.outcome) && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      ({ exchange } = await this.gateway.call<{ exchange: Exchange }>("Collect", { request_id: id }, INQUIRE_DEADLINE));
      told = await this.judge(asked, exchange);
    }
    return told;
  }

  close(): void {
    this.relay.close();
    this.gateway.close();
    this.journal.close();
  }

  private async publish(): Promise<void> {
    const version = Math.max(Date.now(), this.version + 1);
    this.journal.add({ kind: "version", version });
    await this.relay.call("PublishEntry", { entry: ownEntry(this.keys, this.party, version) });
  }

  /** The whole request, durable before it is sent: a retry sends the same bytes (PROTO-4.1). */
  private async store(id: string, ask: Ask): Promise<Asked> {
    const header = this.header(id, ask);
    const { sealing } = await this.directory.newest(ask.provider);
    const block = await this.query(header, ask.fields ?? [], sealing);
    const inquiry = contracts().encode("warifu.exchange.v1.Inquiry", {
      header,
      subject: { code: Buffer.from(ask.code, "hex") },
      query_block_hash: blockHash(block),
      query_index: 0,
    });
    const query = text(contracts().encode("warifu.exchange.v1.SealedBlock", block));
    const asked: Asked = { kind: "asked", id, header: text(header), inquiry: text(inquiry), query };
    this.journal.add(asked);
    return asked;
  }

  private header(id: string, ask: Ask): Buffer {
    const { provider, affair, procedure, item, office, clerk } = ask;
    const bytes = contracts().encode(HEADER, {
      ...{ request_id: id, requester: this.keys.owner, provider, affair, procedure, item, office, clerk },
      ...(ask.span === undefined ? {} : { span: ask.span }),
      non_disclosure: ask.nonDisclosure ?? false,
    });
    checkHeader(contracts().decode<RequestHeader>(HEADER, bytes));
    return bytes;
  }

  private query(header: Buffer, fields: string[], provider: SealingKey): Promise<SealedBlock> {
    const hash = sha256(header);
    const plaintext = contracts().encode("warifu.exchange.v1.QueryBlock", { queries: [{ header_hash: hash, fields }] });
    return seal(QUERY, provider, [hash], plaintext);
  }

  private async inquire(asked: Asked): Promise<Exchange> {
    const query = contracts().decode<SealedBlock>("warifu.exchange.v1.SealedBlock", bytes(asked.query));
    const request = { inquiry: bytes(asked.inquiry), query };
    for (let left = TRIES; ; left--) {
      try {
        return (await this.gateway.call<{ exchange: Exchange }>("Inquire", request, INQUIRE_DEADLINE)).exchange;
      } catch (error) {
        if (left === 0 || !(error instanceof Refusal && error.failure().retryable)) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  /** Receipt, signature, seal and content are checked before anything of it counts; what is final is stored before it is told. */
  private async judge(asked: Asked, exchange: Exchange): Promise<Told> {
    const keyId = exchange.receipt?.signature?.key_id ?? "";
    const key = await this.directory.signingKey("gateway", keyId);
    const receipt = checkReceipt(exchange.receipt, () => key);
    const header = contracts().decode<RequestHeader>(HEADER, bytes(asked.header));
    const answer = await this.answer(asked, header, exchange);
    const reason = exchange.denial?.reason ?? exchange.error?.reason;
    const told: Told = {
      requestId: asked.id,
      outcome: Object.keys(Outcome).find((name) => Outcome[name as keyof typeof Outcome] === exchange.outcome) ?? "UNKNOWN",
      ...(reason === undefined ? {} : { reason }),
      ...(answer === undefined ? {} : { answer: shown(answer) }),
    };
    if (FINAL.includes(exchange.outcome)) this.keep(told, header, exchange, receipt, answer);
    return told;
  }

  private async answer(asked: Asked, header: RequestHeader, exchange: Exchange): Promise<Answer | undefined> {
    if (exchange.outcome !== Outcome.ANSWERED && exchange.outcome !== Outcome.PENDING) return undefined;
    const { answer: sealed, permit_hash: permitHash } = exchange;
    const provider = sealed ? await this.directory.signingKey(header.provider, sealed.key_id) : undefined;
    if (!sealed || permitHash === undefined || provider === undefined) throw new Refusal("PROVIDER_ANSWER_INVALID");
    return openAnswer(sealed, exchange.answer_index, this.keys, provider, sha256(bytes(asked.header)), permitHash);
  }

  /** The own records of request and outcome (PROTO-7.4), with the answer's digest (PROTO-7.11). */
  private keep(told: Told, header: RequestHeader, exchange: Exchange, receipt: Receipt, answer: Answer | undefined): void {
    const { request_id, requester, provider, affair, procedure, item, office, clerk } = header;
    const common = {
      ...{ request_id, requester, provider, affair, procedure, item, office, clerk },
      requested_at: receipt.exchange_time ?? timestamp(0),
      non_disclosure: header.non_disclosure || answer?.non_disclosure === true,
    };
    const outcome = {
      ...{ ...common, kind: 2, outcome: exchange.outcome },
      ...(told.reason === undefined ? {} : { reason: told.reason }),
      ...(answer === undefined ? {} : { fine_outcome: answer.outcome, answer_digest: answerDigest(answerBytes(answer)) }),
    };
    const records = [commit({ ...common, kind: 1 }), commit(outcome)];
    this.journal.add({
      kind: "told",
      id: told.requestId,
      told,
      receipt: text(contracts().encode("warifu.linkage.v1.Receipt", receipt)),
      ...(answer === undefined ? {} : { answer: text(answerBytes(answer)) }),
      records: records.map((one) => ({ record: text(one.record), salt: text(one.salt), commitment: text(one.commitment) })),
    });
  }

  private apply(entry: Entry): void {
    if (entry.kind === "seen") this.directory.remember(entry);
    else if (entry.kind === "version") this.version = entry.version;
    else if (entry.kind === "asked") this.asked.set(entry.id, entry);
    else this.told.set(entry.id, entry.told);
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
