/**
 * A business system of an office, behind an interim server: it enrols people, registers copies of its books, inquires for its cases, and has
 * clerks decide on what waits. What it sends is stored first, so that a retry, also after a crash, is the same call (docs/BUSINESS.md §7).
 */
import { randomUUID } from "node:crypto";
import { type Face, Problem } from "./face.js";
import { Journal } from "./store.js";

/** What a clerk has it do. */
export type Errand =
  | { op: "enrol"; addresseeNo: string; individualNumber: string }
  | ({ op: "ask"; waitMs: number } & Case)
  | ({ op: "copy" } & Copy)
  | ({ op: "protect"; addresseeNo: string } & Partial<Flags>)
  | { op: "reviews" }
  | ({ op: "decide" } & Decision);

export interface Case {
  case: string;
  addresseeNo: string;
  provider: string;
  affair: string;
  procedure: string;
  item: string;
  year: number;
  office: string;
  clerk: string;
  /** Day on which the person consented, where they did. */
  consentGivenOn?: string;
}

export interface Copy {
  addresseeNo: string;
  item: string;
  recordKey: string;
  layoutVersion: string;
  firstDay: string;
  lastDay: string;
  /** From when on it may be provided; at once without. */
  publishedFrom?: string;
  /** What the books say now; null when the record is gone. */
  content: object | null;
}

export interface Flags {
  nonDisclosure: boolean;
  selfDisclosureBlocked: boolean;
  manualReview: boolean;
}

export interface Decision {
  permitId: string;
  decision: "provide" | "withhold";
  clerk: string;
}

export interface Inquiry {
  outcome?: string;
  fineOutcome?: string;
  records?: object[];
  denial?: { reason: string };
  error?: { reason: string };
}

/** What is said of an errand. */
export interface Said {
  outcome?: string;
  fineOutcome?: string;
  reason?: string;
  records?: object[];
  reviews?: object[];
}

/** One line of the journal: stored before it is sent. */
type Entry =
  | { kind: "asked"; case: string; message: { requestId: string } }
  | { kind: "copy"; of: string; message: Message }
  | { kind: "registered"; of: string; isThere: boolean }
  | { kind: "flags"; addresseeNo: string; flags: Flags }
  | { kind: "decided"; permitId: string; decisionId: string };

interface Message {
  recordId: string;
  change: string;
}

const STEP_MS = 5_000;
const NONE: Flags = { nonDisclosure: false, selfDisclosureBlocked: false, manualReview: false };

export class Office {
  protected readonly asked = new Map<string, { requestId: string }>();
  /** Records of which there is a copy. */
  private readonly there = new Map<string, boolean>();
  /** Changes that were sent and not yet acknowledged. */
  private readonly owed = new Map<string, Message>();
  private readonly flags = new Map<string, Flags>();
  private readonly decisions = new Map<string, string>();
  private readonly journal: Journal<Entry>;

  constructor(protected readonly face: Face, store: string) {
    this.journal = new Journal(store, (entry) => this.apply(entry));
  }

  /** Run an errand; a refusal is told with its reason. */
  async run(errand: Errand): Promise<Said> {
    try {
      switch (errand.op) {
        case "enrol": return await this.enrol(errand.addresseeNo, errand.individualNumber);
        case "ask": return await this.ask(errand, Date.now() + errand.waitMs);
        case "copy": return await this.copy(errand);
        case "protect": return await this.protect(errand);
        case "reviews": return await this.face.call("GET", "/v1/reviews");
        case "decide": return await this.decide(errand);
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { reason: error.reason };
    }
  }

  protected async enrol(addresseeNo: string, individualNumber: string): Promise<Said> {
    return first(await this.face.call("POST", "/v1/enrolments", { enrolments: [{ addresseeNo, individualNumber }] }));
  }

  private async ask(one: Case, until: number): Promise<Said> {
    const message = this.asked.get(one.case) ?? this.bind(one.case, this.inquiry(one));
    await this.send(message);
    for (;;) {
      const waitMs = Math.max(0, Math.min(STEP_MS, until - Date.now()));
      const { inquiry } = await this.face.call<{ inquiry: Inquiry }>("GET", `/v1/inquiries/${message.requestId}?waitMs=${waitMs}`);
      const said = this.told(inquiry);
      if (said.outcome !== "" || Date.now() >= until) return said;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  protected async send(message: { requestId: string }): Promise<void> {
    await this.face.call("POST", "/v1/inquiries", message);
  }

  protected inquiry(one: Case): { requestId: string } {
    const { addresseeNo, provider, affair, procedure, item, office, clerk } = one;
    const what = { addresseeNo, provider, affair, procedure, item, office, clerk, span: { fiscalYear: { year: one.year } } };
    const consent = one.consentGivenOn === undefined ? {} : { consent: { givenOn: one.consentGivenOn, reference: one.case } };
    return { requestId: randomUUID(), ...what, ...consent, ...{ caseReference: one.case } };
  }

  protected bind(reference: string, message: { requestId: string }): { requestId: string } {
    this.journal.add({ kind: "asked", case: reference, message });
    return message;
  }

  /** What a clerk is told of an inquiry. */
  protected told(inquiry: Inquiry): Said {
    const reason = inquiry.denial?.reason ?? inquiry.error?.reason;
    return {
      outcome: bare(inquiry.outcome, "OUTCOME_"),
      fineOutcome: bare(inquiry.fineOutcome, "FINE_OUTCOME_"),
      records: inquiry.records ?? [],
      ...(reason === undefined ? {} : { reason }),
    };
  }

  private async copy(copy: Copy): Promise<Said> {
    const of = `${copy.addresseeNo}/${copy.item}/${copy.recordKey}`;
    const message = this.owed.get(of) ?? this.registration(of, copy);
    this.journal.add({ kind: "copy", of, message });
    const said = await this.register(message);
    const isThere = said.reason === undefined ? copy.content !== null : (this.there.get(of) ?? false);
    this.journal.add({ kind: "registered", of, isThere });
    return said;
  }

  protected async register(message: Message): Promise<Said> {
    return first(await this.face.call("POST", "/v1/copies", { copies: [message] }));
  }

  protected registration(of: string, copy: Copy): Message {
    const { addresseeNo, item, recordKey, layoutVersion, firstDay, lastDay, content } = copy;
    const change = `COPY_CHANGE_${this.change(this.there.get(of) ?? false, content === null)}`;
    const message = { recordId: randomUUID(), change, addresseeNo, item, recordKey, layoutVersion, about: { firstDay, lastDay } };
    const published = copy.publishedFrom === undefined ? {} : { publishedFrom: copy.publishedFrom };
    return content === null ? message : { ...message, ...published, ...{ content } };
  }

  protected change(isThere: boolean, isGone: boolean): string {
    if (isGone) return "DELETE";
    return isThere ? "DIFFERENCE" : "NEW";
  }

  private async protect({ op: _, addresseeNo, ...change }: { op: "protect"; addresseeNo: string } & Partial<Flags>): Promise<Said> {
    const flags = { ...this.before(addresseeNo), ...pick(change) };
    await this.face.call("POST", "/v1/protections", { addresseeNo, ...flags, reason: "asked for" });
    this.journal.add({ kind: "flags", addresseeNo, flags });
    return {};
  }

  protected before(addresseeNo: string): Flags {
    return this.flags.get(addresseeNo) ?? NONE;
  }

  protected async decide({ permitId, decision, clerk }: Decision): Promise<Said> {
    const decisionId = this.decisions.get(permitId) ?? randomUUID();
    this.journal.add({ kind: "decided", permitId, decisionId });
    await this.face.call("POST", `/v1/reviews/${permitId}/decision`, { decision: this.word(decision), clerk, decisionId });
    return {};
  }

  protected word(decision: string): string {
    return `REVIEW_DECISION_${decision.toUpperCase()}`;
  }

  close(): void {
    this.journal.close();
  }

  private apply(entry: Entry): void {
    if (entry.kind === "asked") this.asked.set(entry.case, entry.message);
    else if (entry.kind === "flags") this.flags.set(entry.addresseeNo, entry.flags);
    else if (entry.kind === "decided") this.decisions.set(entry.permitId, entry.decisionId);
    else if (entry.kind === "copy") this.owed.set(entry.of, entry.message);
    else {
      this.owed.delete(entry.of);
      this.there.set(entry.of, entry.isThere);
    }
  }
}

const bare = (name: string | undefined, prefix: string): string => (name ?? "").replace(prefix, "").replace("UNSPECIFIED", "");

/** The one result of a list of one. */
function first({ results }: { results: { error?: { reason: string } }[] }): Said {
  const reason = results[0]?.error?.reason;
  return reason === undefined ? {} : { reason };
}

function pick(change: Partial<Flags>): Partial<Flags> {
  return Object.fromEntries(Object.entries(change).filter(([name]) => name in NONE));
}
