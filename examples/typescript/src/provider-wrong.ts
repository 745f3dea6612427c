/** A provider that is wrong on purpose, in one way or several (switches.ts): what `warifu conformance provider` must find, and nothing else. */
import type * as grpc from "@grpc/grpc-js";
import { X509Certificate } from "node:crypto";
import { rmSync } from "node:fs";
import { Admission, type ProvideRequest, type Query, type Question } from "./admit.js";
import { type Answer, Fine, Outcome, type SealedAnswer, sealAnswers } from "./answer.js";
import { type KeyOf, checkBatch } from "./batch.js";
import { u32 } from "./bytes.js";
import { contracts } from "./contracts.js";
import { type Found, MOST_RECORDS, type Person } from "./copies.js";
import { directoryOf } from "./directory-wrong.js";
import { Door, type Measured } from "./door.js";
import { type Failure, Refusal } from "./errors.js";
import type { KeptPermit, KeptRecord } from "./kept.js";
import type { SealingKey } from "./keys.js";
import { type Allowed, LawBook } from "./law.js";
import { leafHash, nodeHash } from "./merkle.js";
import { PartyFolder } from "./party.js";
import { type CheckedPermit, type Permit, type SignedPermit, checkPermit } from "./permit.js";
import { Provider, type ProvideResponse, type ProviderParts, type Reply } from "./provider.js";
import { ANSWER, QUERY, type SealedBlock } from "./sealing.js";
import { type Serving, secretsOf, serve } from "./serve.js";
import type { Switch, Wrong } from "./switches.js";
import { PERMIT_BATCH } from "./tags.js";
import { type Caller, Trust } from "./trust.js";

/** Serve as `serve` does, with these faults. */
export function serveWrongly(folder: string, institution: string, wrong: Wrong): Promise<Serving> {
  if (wrong.has("newKeysEachStart")) rmSync(secretsOf(folder, institution), { force: true });
  return serve(folder, institution, { party: partyOf(wrong), door: doorOf(wrong), provider: providerOf(wrong), directory: directoryOf(wrong) });
}

class OldTrust extends Trust {
  protected override refresh(): void {
    try {
      super.refresh();
    } catch (error) {
      if (this.until === 0) throw error;
    }
  }
}

const partyOf = (wrong: Wrong): typeof PartyFolder =>
  class extends PartyFolder {
    constructor(folder: string, institution: string) {
      super(folder, institution, wrong.has("trustsOldList") ? new OldTrust(folder) : new Trust(folder));
    }

    override serverCredentials(): grpc.ServerCredentials {
      const credentials = super.serverCredentials();
      if (wrong.has("admitsAnyCertificate")) Object.assign(credentials._getConstructorOptions() ?? {}, { rejectUnauthorized: false });
      return credentials;
    }
  };

/** A refusal that nobody translated. */
class EnglishRefusal extends Refusal {
  protected override text(language: "ja" | "en"): string {
    return language === "ja" ? "" : super.text(language);
  }
}

const ANY_NAME = /URI:spiffe:\/\/[^/]+\/([a-z][a-z0-9_]{0,31})\/([a-z][a-z0-9_-]{0,63})/;

const doorOf = (wrong: Wrong): typeof Door =>
  class extends Door {
    protected override read(raw: Buffer, deserialize: (raw: Buffer) => unknown): Measured {
      if (wrong.has("breaksOnGarbage")) deserialize(raw);
      return wrong.has("ignoresLimits") ? super.read(raw, deserialize, raw.length) : super.read(raw, deserialize);
    }

    protected override caller(raw: Buffer | undefined): Caller {
      const isOurs = raw !== undefined && new X509Certificate(raw).verify(this.party.trust.root.publicKey);
      return wrong.has("admitsAnyCertificate") && !isOurs ? { party: "gateway", code: "main" } : super.caller(raw);
    }

    protected override named(certificate: X509Certificate): Caller | undefined {
      const [, party, code] = ANY_NAME.exec(certificate.subjectAltName ?? "") ?? [];
      return wrong.has("believesAnyName") && party && code ? { party, code } : super.named(certificate);
    }

    protected override isInDate(certificate: X509Certificate): boolean {
      return wrong.has("ignoresDates") || super.isInDate(certificate);
    }

    protected override isRevoked(certificate: X509Certificate): boolean {
      return super.isRevoked(certificate) && !wrong.has("ignoresRevocations");
    }

    protected override check(caller: Caller, callers: string[]): void {
      if (!(wrong.has("admitsAnyCaller") && callers.includes("gateway/main"))) super.check(caller, callers);
    }

    protected override told(refusal: Refusal): Refusal {
      return wrong.has("explainsInEnglish") ? new EnglishRefusal(refusal.reason, refusal.metadata) : refusal;
    }
  };

/** Everybody's key. */
const ANY_KEY = { fits: () => true };
/** A proof of a permit alone. */
const alone = (signed: SignedPermit): SignedPermit => ({ ...signed, signature: { index: 0, size: 1, path: [], key_id: "", signature: Buffer.alloc(64) } });

/** Hashes along the path of a proof, wherever that leads, and sees that the gateway signed what comes out. */
function fitsSomehow({ permit, signature }: SignedPermit, keyOf: KeyOf): boolean {
  if (signature === null) return false;
  const { index, size, path, key_id } = signature;
  const root = path.reduce<Buffer>((node, sibling, level) => ((index >> level) % 2 ? nodeHash(sibling, node) : nodeHash(node, sibling)), leafHash(permit));
  return keyOf(key_id)?.fits(Buffer.concat([PERMIT_BATCH, u32(size), root]), signature.signature) === true;
}

/** The message without what the contract does not know. */
function known<T>(name: string, bytes: Uint8Array): T {
  const type = contracts().root.lookupType(name);
  return type.toObject(type.decode(bytes), { defaults: true, arrays: true, longs: Number, enums: Number }) as T;
}

function stripped(bytes: Buffer): Buffer {
  const [permit, header] = ["warifu.exchange.v1.Permit", "warifu.exchange.v1.RequestHeader"] as const;
  const read = known<Permit>(permit, bytes);
  return contracts().encode(permit, { ...read, header: contracts().encode(header, known<object>(header, read.header)) });
}

/** A law book to which every institution is assessed. */
class TrustingBook extends LawBook {
  protected override isAssessed(): boolean {
    return true;
  }
}

const admissionOf = (wrong: Wrong): typeof Admission =>
  class extends Admission {
    protected override lawBook(trust: Trust): LawBook {
      return wrong.has("ignoresAssessments") ? new TrustingBook(trust) : super.lawBook(trust);
    }

    /** Of the youngest exchange that was asked about. */
    private latest = 0;

    protected override permit(signed: SignedPermit, keyOf: KeyOf): CheckedPermit {
      if (wrong.has("skipsPermitCheck")) return super.permit(signed, () => ANY_KEY);
      if (wrong.has("ignoresUnknownFields")) return this.lenient(signed, keyOf);
      try {
        return super.permit(signed, keyOf);
      } catch (error) {
        const { reason } = error as Refusal;
        if (wrong.has("ignoresBatchShape") && reason === "CLIENT_PERMIT_INVALID" && fitsSomehow(signed, keyOf)) return super.permit(alone(signed), () => ANY_KEY);
        if (!wrong.has("acceptsForeignAudience") || reason !== "CLIENT_PERMIT_MISMATCH") throw error;
        const { header } = known<Permit>("warifu.exchange.v1.Permit", signed.permit);
        return checkPermit(signed, { provider: known<{ provider: string }>("warifu.exchange.v1.RequestHeader", header).provider, keyOf });
      }
    }

    private lenient(signed: SignedPermit, keyOf: KeyOf): CheckedPermit {
      try {
        checkBatch(PERMIT_BATCH, signed.permit, signed.signature, keyOf);
        return super.permit(alone({ ...signed, permit: stripped(signed.permit) }), () => ANY_KEY);
      } catch {
        return super.permit(signed, keyOf);
      }
    }

    protected override window(checked: CheckedPermit): void {
      if (!wrong.has("ignoresExpiry")) super.window(checked);
    }

    override async question(request: ProvideRequest, checked: CheckedPermit): Promise<Question> {
      const question = await super.question(request, checked);
      this.latest = Math.max(this.latest, checked.exchangeTime);
      return question;
    }

    override allowed(checked: CheckedPermit): Allowed {
      const exchangeTime = wrong.has("judgesByClock") ? Math.max(this.latest, checked.exchangeTime) : checked.exchangeTime;
      const consent = wrong.has("ignoresConsent") ? { given_on: "1900-01-01", reference: "assumed" } : (checked.header.consent ?? null);
      try {
        return super.allowed({ ...checked, header: { ...checked.header, consent }, exchangeTime });
      } catch (error) {
        if (!wrong.has("skipsLawBook")) throw error;
        return { fields: [], requesterRole: "" };
      }
    }

    protected override async query(request: ProvideRequest, checked: CheckedPermit): Promise<Query> {
      try {
        return await super.query(request, checked);
      } catch (error) {
        if (!wrong.has("ignoresQuery") || (error as Refusal).reason !== "CLIENT_QUERY_MISMATCH") throw error;
        return { header_hash: checked.headerHash, fields: [] };
      }
    }

    protected override isNamed(block: SealedBlock, queries: Query[]): boolean {
      return wrong.has("ignoresLeaves") || super.isNamed(block, queries);
    }

    override async recipient(checked: CheckedPermit): Promise<SealingKey> {
      const key = await super.recipient(checked);
      return wrong.has("sealsToNewestKey") ? (await this.directory.newest(checked.header.requester)).sealing : key;
    }
  };

/** A reply to an inquiry that nobody wishes to be not shown. */
function shownAnyway(reply: Reply): Reply {
  const { checked } = reply.question;
  return { ...reply, question: { ...reply.question, checked: { ...checked, header: { ...checked.header, non_disclosure: false } } } };
}

const UNPROTECTED = { nonDisclosure: false, selfDisclosureBlocked: false, manualReview: false };

/** The person with copies that are about all days. */
const timeless = (person: Person): Person => ({ ...person, copies: person.copies.map(({ firstDay: _, lastDay: __, ...copy }) => copy) });

/** Everything that a person's copies hold. */
const everything = (person: Person | undefined): string[] =>
  (person?.copies ?? []).flatMap(({ content }) => Object.values(content).flatMap((fields) => Object.keys(fields as object)));

const providerOf = (wrong: Wrong): typeof Provider =>
  class extends Provider {
    private used = new Set<string>();
    protected override most = wrong.has("providesAll") ? Number.POSITIVE_INFINITY : MOST_RECORDS;

    private is(name: Switch): boolean {
      return wrong.has(name);
    }

    protected override admits({ keys, trust, directory }: ProviderParts): Admission {
      return new (admissionOf(wrong))(keys, trust, directory);
    }

    protected override checkSize(request: ProvideRequest): void {
      if (!this.is("ignoresLimits")) super.checkSize(request);
    }

    protected override async answerNew(request: ProvideRequest, checked: (CheckedPermit | Refusal)[]): Promise<Map<number, Refusal>> {
      const ids = checked.flatMap((one) => (one instanceof Refusal ? [] : [one.permit.permit_id]));
      this.used = new Set(ids.filter((id) => this.parts.kept.permit(id) !== undefined));
      const errors = await super.answerNew(request, checked);
      const [failed] = errors.values();
      if (failed !== undefined && checked.length > 1 && this.is("failsTogether")) throw failed;
      return errors;
    }

    protected override known(id: string, request: ProvideRequest): KeptPermit | undefined {
      const known = super.known(id, request);
      return this.is("forgetsSingleUse") && request.permits.length === 1 && known?.outcome === Outcome.ANSWERED ? undefined : known;
    }

    protected override person(checked: CheckedPermit): Person | undefined {
      const person = super.person(checked);
      if (person !== undefined && this.is("ignoresFlags")) return { ...person, ...UNPROTECTED };
      return person !== undefined && this.is("ignoresSpan") ? timeless(person) : person;
    }

    protected override made(question: Question, person: Person | undefined, fine: number, records: Answer["records"]): Reply {
      const old = records.map((one) => ({ ...one, layout_version: "1999-01" }));
      return super.made(question, person, fine, this.is("wrongLayout") ? old : records);
    }

    protected override found(question: Question, person: Person | undefined, on: string): Found {
      const { allowed, fields } = question;
      if (this.is("providesUnwanted")) return super.found({ ...question, fields: [] }, person, on);
      if (!this.is("ignoresFields") || fields.length > 0) return super.found(question, person, on);
      return super.found({ ...question, allowed: { ...allowed, fields: everything(person) } }, person, on);
    }

    protected override waits(checked: CheckedPermit, person: Person | undefined, found: Found): boolean {
      const isUntold = person === undefined || found.outcome === Fine.WITHHELD;
      if (this.is("sparesFromSample") && isUntold) return false;
      if (this.is("waitsForBlocked") && person?.manualReview === true) return true;
      return super.waits(checked, person, this.is("ignoresCorrections") ? { ...found, correctedOn: "" } : found);
    }

    protected override blocks(replies: Reply[]): Reply[][] {
      return this.is("mixesRequesters") && replies.length > 0 ? [replies] : super.blocks(replies);
    }

    protected override async seal(answers: Answer[], recipient: SealingKey): Promise<SealedAnswer> {
      const { tag } = this.is("wrongSeal") ? QUERY : ANSWER;
      const floor = this.is("leaksOutcome") ? (): number => 0 : ANSWER.floor;
      const sealed = await sealAnswers(answers, recipient, this.parts.keys, { tag, floor });
      return this.is("unsigned") ? { ...sealed, signature: Buffer.alloc(0) } : sealed;
    }

    protected override requestRecord(reply: Reply): KeptRecord[] {
      return this.is("noRecord") ? [] : super.requestRecord(this.is("dropsWish") ? shownAnyway(reply) : reply);
    }

    protected override outcomeRecord(reply: Reply, sealedHash: Buffer): KeptRecord[] {
      return this.is("noRecord") ? [] : super.outcomeRecord(this.is("dropsWish") ? shownAnyway(reply) : reply, sealedHash);
    }

    protected override again(checked: CheckedPermit, known: KeptPermit): Promise<void> {
      const outcome = this.is("decidesAgain") ? Outcome.PENDING : known.outcome;
      const reviewUntil = this.is("neverCloses") ? Number.POSITIVE_INFINITY : checked.reviewUntil;
      return super.again({ ...checked, reviewUntil }, { ...known, outcome });
    }

    protected override respond(checked: (CheckedPermit | Refusal)[], errors: Map<number, Refusal>): ProvideResponse {
      const response = super.respond(checked, errors);
      for (const [place, one] of checked.entries()) {
        const result = response.results[place];
        if (result === undefined) continue;
        if (this.is("forgetsPlace") && !(one instanceof Refusal) && this.used.has(one.permit.permit_id)) result.answer_index = place;
        if (this.is("explainsInEnglish") && result.error !== undefined) result.error = new EnglishRefusal((result.error as Failure).reason).failure();
      }
      return response;
    }
  };
