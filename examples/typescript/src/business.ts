/**
 * A business system behind an interim server: it speaks addressee numbers and JSON over HTTP, and knows no code, key or permit.
 *
 * `warifu interim --institution X` gives it the address and the token (docs/BUSINESS.md).
 */
import { randomUUID } from "node:crypto";
import { Face } from "./face.js";

interface Inquiry {
  requestId: string;
  outcome?: string;
  fineOutcome?: string;
  records?: { recordKey: string; content: { localTax?: { grossIncomeYen?: string } } }[];
  denial?: { reason: string };
  error?: { reason: string };
}

/** Whose income is asked for, of which office. */
export interface Case {
  addresseeNo: string;
  provider: string;
  /** Fiscal year. */
  year: number;
  office: string;
  clerk: string;
  /** The own number of the case; the supervisor asks about inquiries without one. */
  reference: string;
  /** The same id again is the same inquiry. */
  requestId?: string;
}

/** What a clerk at the premium desk sees. */
export interface Finding {
  requestId: string;
  state: "provided" | "absent" | "waiting" | "refused" | "open";
  grossIncomeYen?: number;
  /** Why it was refused. */
  reason?: string;
  /** The person must bring a certificate after all. Not while the answer may still come. */
  paperNeeded: boolean;
}

const TAX = { affair: "JM90000000000101", procedure: "JT90000000000101", item: "TM90000000000001" };
const WAIT_MS = 10_000;

export class PremiumDesk {
  private readonly face: Face;

  constructor(url: string, token: string) {
    this.face = new Face(url, token);
  }

  /** Ask what the person earned, as the tax office has it. What fails for a while is sent again, unchanged. */
  async income(one: Case): Promise<Finding> {
    const requestId = one.requestId ?? randomUUID();
    const { addresseeNo, provider, office, clerk } = one;
    const span = { fiscalYear: { year: one.year } };
    const request = { requestId, addresseeNo, provider, ...TAX, span, office, clerk, caseReference: one.reference };
    await this.face.call("POST", "/v1/inquiries", request);
    const { inquiry } = await this.face.call<{ inquiry: Inquiry }>("GET", `/v1/inquiries/${requestId}?waitMs=${WAIT_MS}`);
    return finding(requestId, inquiry);
  }
}

function finding(requestId: string, inquiry: Inquiry): Finding {
  const reason = inquiry.denial?.reason ?? inquiry.error?.reason;
  if (inquiry.outcome === undefined || inquiry.outcome === "OUTCOME_UNSPECIFIED") return { requestId, state: "open", paperNeeded: false };
  if (inquiry.outcome === "OUTCOME_PENDING") return { requestId, state: "waiting", paperNeeded: false };
  if (inquiry.outcome !== "OUTCOME_ANSWERED") {
    return { requestId, state: "refused", paperNeeded: true, ...(reason === undefined ? {} : { reason }) };
  }
  const income = inquiry.records?.[0]?.content.localTax?.grossIncomeYen;
  if (inquiry.fineOutcome !== "FINE_OUTCOME_PROVIDED" || income === undefined) return { requestId, state: "absent", paperNeeded: true };
  return { requestId, state: "provided", grossIncomeYen: Number(income), paperNeeded: false };
}
