/**
 * A business system behind an interim server: it speaks addressee numbers and JSON over HTTP, and knows no code, key or permit.
 *
 * `warifu interim --institution X` gives it the address and the token (docs/BUSINESS.md).
 */
import { randomUUID } from "node:crypto";

/** A refusal of the face: application/problem+json with a reason of the protocol. */
export class Problem extends Error {
  constructor(
    readonly reason: string,
    readonly retryable: boolean,
  ) {
    super(reason);
  }
}

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
const TRIES = 4;
const PAUSE = 500;

export class PremiumDesk {
  constructor(
    private readonly face: string,
    private readonly token: string,
  ) {}

  /** Ask what the person earned, as the tax office has it. What fails for a while is sent again, unchanged. */
  async income(one: Case): Promise<Finding> {
    const requestId = one.requestId ?? randomUUID();
    const { addresseeNo, provider, office, clerk } = one;
    const span = { fiscalYear: { year: one.year } };
    const request = { requestId, addresseeNo, provider, ...TAX, span, office, clerk, caseReference: one.reference };
    await this.call("POST", "/v1/inquiries", request);
    const { inquiry } = (await this.call("GET", `/v1/inquiries/${requestId}?waitMs=${WAIT_MS}`)) as { inquiry: Inquiry };
    return finding(requestId, inquiry);
  }

  private async call(method: string, path: string, body?: object): Promise<unknown> {
    for (let left = TRIES; ; left--) {
      try {
        return await this.once(method, path, body);
      } catch (error) {
        if (left === 0 || (error instanceof Problem && !error.retryable)) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  private async once(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const response = await fetch(new URL(path, this.face), { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    const said = (await response.json()) as { reason?: string; retryable?: boolean };
    if (!response.ok) throw new Problem(said.reason ?? `HTTP ${response.status}`, said.retryable ?? false);
    return said;
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
