/** Questions by standard input and what became of them by standard output, a line of JSON each (docs/CONFORMANCE.md). */
import { createInterface } from "node:readline";
import { Refusal } from "./errors.js";
import type { Errand, Office } from "./office.js";
import type { Listed, Requester } from "./requester.js";

/** A question of `warifu conformance requester`. */
interface Question {
  op: "enrol" | "ask" | "records";
  requestId: string;
  addresseeNo: string;
  /** To enrol: the one or the other. */
  individualNumber?: string;
  basicItems?: object;
  /** To ask; without it the code is the one that was claimed. */
  code?: string;
  provider: string;
  affair: string;
  procedure: string;
  item: string;
  year: number;
  office: string;
  clerk: string;
  fields: string[];
  nonDisclosure: boolean;
  waitMs: number;
}

/** Where questions come from and answers go: standard input and output, or a connection. */
export interface Ways {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

const STANDARD: Ways = { input: process.stdin, output: process.stdout };

/** Answer every line until there are no more, under the key that question and answer have in common. */
async function answerLines<Key extends string, Asked extends Record<Key, string>>(key: Key, answer: (question: Asked) => Promise<object>, { input, output } = STANDARD): Promise<void> {
  for await (const line of createInterface({ input })) {
    const question = JSON.parse(line) as Asked;
    output.write(`${JSON.stringify({ [key]: question[key], ...(await answer(question)) })}\n`);
  }
}

/** Have a business system run what each line says. */
export function runLines(office: Office): Promise<void> {
  return answerLines<"question", Errand & { question: string }>("question", (errand) => office.run(errand));
}

/** Have a requester ask what each line says. */
export function askLines(requester: Requester, ways = STANDARD): Promise<void> {
  return answerLines<"requestId", Question>("requestId", async (question) => {
    if (question.op === "records") return { records: requester.records(question.requestId) satisfies Listed[] };
    const { op, year, waitMs, ...asked } = question;
    try {
      if (op === "enrol") {
        await requester.enrol(question);
        return {};
      }
      const told = await requester.ask({ ...asked, span: { fiscal_year: { year } } }, Date.now() + waitMs);
      const answer = told.answer as { outcome: string; records: object[] } | undefined;
      const fineOutcome = answer?.outcome.replace("FINE_OUTCOME_", "");
      return { outcome: told.outcome, reason: told.reason, fineOutcome, records: answer?.records };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { reason: error.reason };
    }
  }, ways);
}
