/** A business system that is wrong on purpose, in one way or several: what `warifu conformance business` must find, and nothing else. */
import { randomUUID } from "node:crypto";
import { Face, type Problem } from "./face.js";
import { type Case, type Copy, type Decision, type Errand, type Flags, type Inquiry, Office, type Said } from "./office.js";

export const OFFICE_SWITCHES = {
  swallowsEnrolment: "does not tell that somebody could not be enrolled",
  numberInOffice: "writes the individual number into the case's inquiry",
  noCase: "does not say for which case it inquires",
  newIdEachTry: "draws a new request id for each try",
  forgetsCases: "stores no inquiry before it sends it",
  openIsAbsent: "tells an inquiry that is under way as one without a record",
  asksAnew: "asks anew instead of collecting what waits",
  mixesAbsences: "tells people without a copy as people without a record",
  firstRecordOnly: "tells one record of several",
  retriesFinal: "sends again what was refused for good",
  alwaysNew: "registers every change of a copy as new",
  noPeriod: "registers copies without their period",
  newRecordIdEachTry: "draws a new record id for each try",
  ignoresItemErrors: "does not look at the results of a list",
  forgetsFlags: "sets one protection flag and lifts the others",
  alwaysProvides: "provides whatever the clerk decided",
  publishesAtOnce: "does not say from when on a copy may be provided",
  dropsConsent: "does not pass on that the person consented",
  newDecisionIdEachTry: "draws a new decision id for each try",
} as const;

export type OfficeSwitch = keyof typeof OFFICE_SWITCHES;

export const isOfficeSwitch = (name: string): name is OfficeSwitch => name in OFFICE_SWITCHES;

type Body = Record<string, unknown> & { copies?: Record<string, unknown>[] };

/** A face that forgets between two tries what it said. */
export class WrongFace extends Face {
  constructor(url: string, token: string, private readonly wrong: ReadonlySet<OfficeSwitch>) {
    super(url, token);
  }

  protected override mayPass(problem: Problem): boolean {
    return this.wrong.has("retriesFinal") || super.mayPass(problem);
  }

  protected override once(method: string, path: string, body?: Body): Promise<unknown> {
    return super.once(method, path, body && this.changed(path, body));
  }

  override call<Said>(method: "GET" | "POST", path: string, body?: object): Promise<Said> {
    this.tries = 0;
    return super.call(method, path, body);
  }

  private tries = 0;

  private changed(path: string, body: Body): Body {
    this.tries += 1;
    if (this.tries === 1) return body;
    if (path === "/v1/inquiries" && this.wrong.has("newIdEachTry")) return { ...body, requestId: randomUUID() };
    if (path.endsWith("/decision") && this.wrong.has("newDecisionIdEachTry")) return { ...body, decisionId: randomUUID() };
    if (path === "/v1/copies" && this.wrong.has("newRecordIdEachTry")) {
      return { ...body, copies: (body.copies ?? []).map((one) => ({ ...one, recordId: randomUUID() })) };
    }
    return body;
  }
}

/** The class of a business system with these faults; its calls go through a `WrongFace`. */
export function wrongOffice(wrong: ReadonlySet<OfficeSwitch>): typeof Office {
  return class extends Office {
    private readonly numbers = new Map<string, string>();
    private readonly waiting = new Set<string>();

    override async run(errand: Errand): Promise<Said> {
      if (errand.op === "ask" && this.waiting.delete(errand.case)) this.asked.delete(errand.case);
      const said = await super.run(errand);
      if (errand.op === "ask" && said.outcome === "PENDING" && wrong.has("asksAnew")) this.waiting.add(errand.case);
      return said;
    }

    protected override async enrol(addresseeNo: string, individualNumber: string): Promise<Said> {
      this.numbers.set(addresseeNo, individualNumber);
      const said = await super.enrol(addresseeNo, individualNumber);
      return wrong.has("swallowsEnrolment") ? {} : said;
    }

    protected override inquiry(one: Case): { requestId: string } {
      const number = this.numbers.get(one.addresseeNo);
      const named = wrong.has("numberInOffice") && number !== undefined ? { ...one, office: `${one.office} ${number}` } : one;
      const made = super.inquiry(named);
      return { ...made, ...(wrong.has("noCase") ? { caseReference: "" } : {}), ...(wrong.has("dropsConsent") ? { consent: undefined } : {}) };
    }

    protected override bind(reference: string, message: { requestId: string }): { requestId: string } {
      if (!wrong.has("forgetsCases")) return super.bind(reference, message);
      this.asked.set(reference, message);
      return message;
    }

    protected override told(inquiry: Inquiry): Said {
      const said = super.told(inquiry);
      if (wrong.has("openIsAbsent") && said.outcome === "") return { ...said, outcome: "ANSWERED", fineOutcome: "NO_RECORD" };
      if (wrong.has("mixesAbsences") && said.fineOutcome === "NOT_REGISTERED") return { ...said, fineOutcome: "NO_RECORD" };
      if (wrong.has("firstRecordOnly")) return { ...said, records: said.records?.slice(0, 1) ?? [] };
      return said;
    }

    protected override async register(message: { recordId: string; change: string }): Promise<Said> {
      const said = await super.register(message);
      return wrong.has("ignoresItemErrors") ? {} : said;
    }

    protected override registration(of: string, copy: Copy): { recordId: string; change: string } {
      const made = super.registration(of, copy);
      return { ...made, ...(wrong.has("noPeriod") ? { about: undefined } : {}), ...(wrong.has("publishesAtOnce") ? { publishedFrom: undefined } : {}) };
    }

    protected override change(isThere: boolean, isGone: boolean): string {
      return wrong.has("alwaysNew") && !isGone ? "NEW" : super.change(isThere, isGone);
    }

    protected override before(addresseeNo: string): Flags {
      const flags = super.before(addresseeNo);
      return wrong.has("forgetsFlags") ? { nonDisclosure: false, selfDisclosureBlocked: false, manualReview: false } : flags;
    }

    protected override decide(decision: Decision): Promise<Said> {
      return super.decide(wrong.has("alwaysProvides") ? { ...decision, decision: "provide" } : decision);
    }
  };
}
