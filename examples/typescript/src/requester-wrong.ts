/** A requester that is wrong on purpose, in one way or several: what `warifu conformance requester` must find, and nothing else. */
import * as grpc from "@grpc/grpc-js";
import { type Answer, type SealedAnswer, answerLeaf, openAnswer, signedBytes } from "./answer.js";
import { sha256, same } from "./bytes.js";
import { contracts } from "./contracts.js";
import { Directory, type Seen, type VerifiedEntry } from "./directory.js";
import { directoryOf } from "./directory-wrong.js";
import type { Enrolment } from "./enrolment.js";
import { ENROLMENT_SWITCHES, enrolmentOf } from "./enrolment-wrong.js";
import { Refusal } from "./errors.js";
import type { OwnKeys, SealingKey, VerifyingKey } from "./keys.js";
import { pad } from "./padding.js";
import { type Calls, PartyFolder } from "./party.js";
import type { Receipt } from "./receipt.js";
import { type Ask, type Asked, type Exchange, type Listed, Requester, type Told } from "./requester.js";
import { ANSWER, type Purpose, QUERY, type SealedBlock, infoOf, open } from "./sealing.js";
import { bytes, text } from "./store.js";
import type { Trust } from "./trust.js";

export const REQUESTER_SWITCHES = {
  trustsAnyName: "does not look whose certificate the server shows",
  repeatsVersion: "publishes each directory entry under the same version",
  dropsNonDisclosure: "does not tell the gateway that an exchange is not to be shown",
  bindsOtherBytes: "binds an inquiry to another hash than its query's",
  wrongQueryHeader: "names another header in the query",
  fieldsInMetadata: "says beside the call which fields it wants",
  forgetsAsked: "stores no inquiry before it sends it",
  retriesFinal: "sends again what was refused for good",
  skipsReceipt: "does not check the gateway's receipt",
  takesFirstAnswer: "takes the first answer of a block, wherever its own is",
  deniedIsError: "tells a denial as an error",
  sealsAsAnswer: "seals queries as if they were answers",
  unpaddedQuery: "pads no query",
  ignoresPadding: "does not look at the padding of answers",
  opensAnySeal: "opens answers that were sealed as queries",
  skipsSignature: "does not check who signed an answer",
  ignoresPermit: "takes an answer under any permit",
  ignoresHeader: "takes an answer to any inquiry",
  ignoresParties: "does not look at what an answer says of itself",
  noOwnRecord: "keeps no record of what it was told",
  recordsAtTheEnd: "records a request only when it is answered",
  pendingIsFinal: "never comes back for an answer that waits",
  forgetsFinal: "asks the gateway again what it was told already",
  resealsRetry: "seals anew for each try",
  cleansText: "leaves out of a typed text what may not be in it",
  tellsAnyReason: "passes on reasons that nobody knows",
  believesAnyEntry: "does not check who signed a directory entry",
  takesOldEntries: "takes directory entries of lower versions",
  forgetsOldKeys: "knows nobody's keys but the newest",
  ...ENROLMENT_SWITCHES,
} as const;

export type RequesterSwitch = keyof typeof REQUESTER_SWITCHES;

export const isRequesterSwitch = (name: string): name is RequesterSwitch => name in REQUESTER_SWITCHES;

/** The class of a requester with these faults. */
export function wrongRequester(wrong: ReadonlySet<RequesterSwitch>): typeof Requester {
  return class extends Requester {
    protected static override party(folder: string, institution: string): PartyFolder {
      return wrong.has("trustsAnyName") ? new CredulousFolder(folder, institution) : super.party(folder, institution);
    }

    protected override nextVersion(): number {
      return wrong.has("repeatsVersion") ? 1 : super.nextVersion();
    }

    protected override reader(trust: Trust, relay: Calls, keep: (seen: Seen) => void): Directory {
      return new (wrong.has("forgetsOldKeys") ? ForgetfulDirectory : directoryOf(wrong))(trust, relay, keep);
    }

    protected override enrolling(...parts: ConstructorParameters<typeof Enrolment>): Enrolment {
      return new (enrolmentOf(wrong))(...parts);
    }

    protected override final(id: string): Told | undefined {
      return wrong.has("forgetsFinal") ? undefined : super.final(id);
    }

    protected override isFinal(outcome: number): boolean {
      return super.isFinal(outcome) || (outcome === 2 && wrong.has("pendingIsFinal"));
    }

    protected override keepAsked(asked: Asked): void {
      if (wrong.has("forgetsAsked")) this.asked.set(asked.id, asked);
      else super.keepAsked(asked);
    }

    protected override header(id: string, ask: Ask): Buffer {
      const office = wrong.has("cleansText") ? ask.office.replace(/\p{Cc}/gu, "").slice(0, 40) : ask.office;
      return super.header(id, { ...ask, office, ...(wrong.has("dropsNonDisclosure") ? { nonDisclosure: false } : {}) });
    }

    protected override inquiry(header: Buffer, code: Buffer, block: SealedBlock): Buffer {
      const named = wrong.has("bindsOtherBytes") ? { ...block, ciphertext: header } : block;
      return super.inquiry(header, code, named);
    }

    protected override async query(header: Buffer, fields: string[], provider: SealingKey): Promise<SealedBlock> {
      this.wanted = fields;
      const named = { header_hash: sha256(wrong.has("wrongQueryHeader") ? Buffer.from("another") : header), fields };
      const plaintext = contracts().encode("warifu.exchange.v1.QueryBlock", { queries: [named] });
      const purpose: Purpose = wrong.has("sealsAsAnswer") ? { ...QUERY, tag: ANSWER.tag } : QUERY;
      return sealedAs(purpose, provider, [sha256(header)], plaintext, !wrong.has("unpaddedQuery"));
    }

    private wanted: string[] = [];
    private tries = 0;

    protected override async send(asked: Asked): Promise<Exchange> {
      if (wrong.has("fieldsInMetadata")) {
        const metadata = new grpc.Metadata();
        metadata.set("x-fields", this.wanted.join(","));
        const query = contracts().decode<SealedBlock>("warifu.exchange.v1.SealedBlock", bytes(asked.query));
        const request = { inquiry: bytes(asked.inquiry), query };
        return (await this.gateway.call<{ exchange: Exchange }>("Inquire", request, 10_000, metadata)).exchange;
      }
      const again = this.tries > 0 && wrong.has("resealsRetry");
      this.tries += 1;
      const exchange = await super.send(again ? await this.resealed(asked) : asked);
      this.tries = 0;
      return exchange;
    }

    private async resealed(asked: Asked): Promise<Asked> {
      const [header, kept] = [bytes(asked.header), contracts().decode<{ subject: { code: Buffer } }>("warifu.exchange.v1.Inquiry", bytes(asked.inquiry))];
      const { provider } = contracts().decode<{ provider: string }>("warifu.exchange.v1.RequestHeader", header);
      const block = await this.query(header, this.wanted, (await this.directory.newest(provider)).sealing);
      const inquiry = this.inquiry(header, kept.subject.code, block);
      return { ...asked, inquiry: text(inquiry), query: text(contracts().encode("warifu.exchange.v1.SealedBlock", block)) };
    }

    protected override mayPass(refusal: Refusal): boolean {
      return wrong.has("retriesFinal") || super.mayPass(refusal);
    }

    protected override outcome(exchange: Exchange): string {
      const told = super.outcome(exchange);
      return told === "DENIED" && wrong.has("deniedIsError") ? "ERROR" : told;
    }

    protected override reason(exchange: Exchange): string | undefined {
      return wrong.has("tellsAnyReason") ? (exchange.denial?.reason ?? exchange.error?.reason) : super.reason(exchange);
    }

    protected override async receipt(exchange: Exchange): Promise<Receipt> {
      if (wrong.has("skipsReceipt") && exchange.receipt) return exchange.receipt;
      return super.receipt(exchange);
    }

    override records(id: string): Listed[] {
      const records = super.records(id);
      return wrong.has("noOwnRecord") ? records.slice(0, 1) : records;
    }

    protected override note(...received: Parameters<Requester["note"]>): void {
      if (!wrong.has("recordsAtTheEnd")) super.note(...received);
    }

    protected override believed(sealed: SealedAnswer, place: number, provider: VerifyingKey, headerHash: Buffer, permitHash: Buffer): Promise<Answer> {
      const index = wrong.has("takesFirstAnswer") ? 0 : place;
      return openWrongly(wrong, sealed, index, this.keys, provider, headerHash, permitHash);
    }
  };
}

/** Calls go to whoever the root of the network vouches for. */
class CredulousFolder extends PartyFolder {
  protected override verification(): grpc.VerifyOptions {
    return { checkServerIdentity: () => undefined };
  }
}

/** A directory in which only the newest keys are found. */
class ForgetfulDirectory extends Directory {
  protected override good(owner: string): VerifiedEntry[] {
    return super.good(owner).slice(0, 1);
  }
}

async function sealedAs(purpose: Purpose, to: SealingKey, leaves: Buffer[], plaintext: Buffer, padded: boolean): Promise<SealedBlock> {
  const info = infoOf(purpose, to.owner, to.id, leaves);
  const ciphertext = await to.seal(padded ? pad(plaintext, purpose.floor(leaves.length)) : plaintext, info);
  return { recipient: to.owner, key_id: to.id, leaves, ciphertext };
}

/** `openAnswer` without the check that is switched off. */
async function openWrongly(
  wrong: ReadonlySet<RequesterSwitch>,
  sealed: SealedAnswer,
  index: number,
  own: OwnKeys,
  provider: VerifyingKey,
  headerHash: Buffer,
  permitHash: Buffer,
): Promise<Answer> {
  const lenient: RequesterSwitch[] = ["skipsSignature", "opensAnySeal", "ignoresPadding", "ignoresPermit", "ignoresHeader", "ignoresParties"];
  const { block } = sealed;
  if (block === null || !lenient.some((name) => wrong.has(name))) {
    return openAnswer(sealed, index, own, provider, headerHash, permitHash);
  }
  const isSigned = provider.fits(signedBytes(block), sealed.signature) && sealed.key_id === provider.id;
  if (!isSigned && !wrong.has("skipsSignature")) throw new Refusal("PROVIDER_ANSWER_INVALID");
  const { answers } = contracts().decode<{ answers: Answer[] }>("warifu.exchange.v1.AnswerBlock", await openedWrongly(wrong, block, own));
  const [answer, leaf] = [answers[index], block.leaves[index]];
  if (answer === undefined || leaf === undefined) throw new Refusal("PROVIDER_ANSWER_INVALID");
  const header = wrong.has("ignoresHeader") ? answer.header_hash : headerHash;
  const permit = wrong.has("ignoresPermit") ? answer.permit_hash : permitHash;
  const isOurs = same(leaf, answerLeaf(header, permit)) && same(answer.header_hash, header) && same(answer.permit_hash, permit);
  const isWhole = answer.provider === provider.owner && answer.requester === own.owner && answer.outcome !== 0 && answer.salt.length === 32;
  if (!isOurs || (!isWhole && !wrong.has("ignoresParties"))) throw new Refusal("PROVIDER_ANSWER_INVALID");
  return answer;
}

async function openedWrongly(wrong: ReadonlySet<RequesterSwitch>, block: SealedBlock, own: OwnKeys): Promise<Buffer> {
  const purposes = wrong.has("opensAnySeal") ? [ANSWER, QUERY] : [ANSWER];
  for (const purpose of purposes) {
    try {
      if (!wrong.has("ignoresPadding")) return await open(purpose, block, own);
      const info = infoOf(purpose, block.recipient, block.key_id, block.leaves);
      const padded = await own.open(block.key_id, block.ciphertext, info);
      return padded.subarray(4, 4 + padded.readUInt32BE(0));
    } catch {
      // as another purpose, perhaps
    }
  }
  throw new Refusal("PROVIDER_ANSWER_UNREADABLE");
}
