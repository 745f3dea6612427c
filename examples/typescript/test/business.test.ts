/** The premium desk at a face that says what a test wants it to say. */
import assert from "node:assert/strict";
import { type IncomingMessage, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Case, PremiumDesk } from "../src/business.js";
import { Problem } from "../src/face.js";

const CASE: Case = { addresseeNo: "1", provider: "tax-480011", year: 2025, office: "window-1", clerk: "c-1", reference: "case-1", requestId: "r-1" };

interface Said {
  status?: number;
  body: object;
}

/** A desk whose face gives these answers, one a call; what it was asked. */
async function desk(answers: Said[], use: (own: PremiumDesk, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const server: Server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    asked.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
    const { status, body: said } = answers.shift() ?? { status: 500, body: {} };
    response.writeHead(status ?? 200, { "content-type": "application/json" }).end(JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(new PremiumDesk(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "secret"), asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const inquiry = (state: object): Said => ({ body: { inquiry: { requestId: "r-1", ...state } } });
const accepted = inquiry({});

const OUTCOMES: [string, object, object][] = [
  [
    "provided",
    { outcome: "OUTCOME_ANSWERED", fineOutcome: "FINE_OUTCOME_PROVIDED", records: [{ recordKey: "2025", content: { localTax: { grossIncomeYen: "4321000" } } }] },
    { state: "provided", grossIncomeYen: 4_321_000, paperNeeded: false },
  ],
  ["no record", { outcome: "OUTCOME_ANSWERED", fineOutcome: "FINE_OUTCOME_NO_RECORD" }, { state: "absent", paperNeeded: true }],
  ["income not released", { outcome: "OUTCOME_ANSWERED", fineOutcome: "FINE_OUTCOME_PROVIDED", records: [{ recordKey: "2025", content: { localTax: {} } }] }, { state: "absent", paperNeeded: true }],
  ["waiting", { outcome: "OUTCOME_PENDING", fineOutcome: "FINE_OUTCOME_PENDING" }, { state: "waiting", paperNeeded: false }],
  ["denied", { outcome: "OUTCOME_DENIED", denial: { reason: "CLIENT_SAME_BODY" } }, { state: "refused", reason: "CLIENT_SAME_BODY", paperNeeded: true }],
  ["expired", { outcome: "OUTCOME_EXPIRED", error: { reason: "GATEWAY_EXPIRED" } }, { state: "refused", reason: "GATEWAY_EXPIRED", paperNeeded: true }],
  ["no answer yet", {}, { state: "open", paperNeeded: false }],
];

for (const [name, state, expected] of OUTCOMES) {
  test(`a clerk is told: ${name}`, () =>
    desk([accepted, inquiry(state)], async (own) => assert.deepEqual(await own.income(CASE), { requestId: "r-1", ...expected })));
}

test("what fails for a while is sent again, unchanged", () =>
  desk([{ status: 503, body: { reason: "GATEWAY_UNAVAILABLE", retryable: true } }, accepted, inquiry({})], async (own, asked) => {
    await own.income(CASE);
    assert.equal(asked.length, 3);
    assert.equal(asked[0], asked[1]);
    assert.match(asked[0] ?? "", /^POST \/v1\/inquiries Bearer secret .*"caseReference":"case-1"/);
  }));

test("what is refused is not sent again", () =>
  desk([{ status: 404, body: { reason: "CLIENT_ADDRESSEE_UNKNOWN", retryable: false } }], async (own, asked) => {
    await assert.rejects(own.income(CASE), (error) => error instanceof Problem && error.reason === "CLIENT_ADDRESSEE_UNKNOWN");
    assert.equal(asked.length, 1);
  }));
