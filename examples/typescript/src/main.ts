/** The command: a provider that serves, a requester that asks, a business system that does behind an interim server, or many of the first two. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Case, PremiumDesk } from "./business.js";
import { Refusal } from "./errors.js";
import { Face, Problem } from "./face.js";
import { askLines, runLines } from "./lines.js";
import { host } from "./many.js";
import { Office } from "./office.js";
import { OFFICE_SWITCHES, WrongFace, isOfficeSwitch, wrongOffice } from "./office-wrong.js";
import { type Ask, Requester } from "./requester.js";
import { REQUESTER_SWITCHES, isRequesterSwitch, wrongRequester } from "./requester-wrong.js";
import { serveWrongly } from "./provider-wrong.js";
import { serve } from "./serve.js";
import { SWITCHES, type Switch, isSwitch } from "./switches.js";

const USAGE = `usage:
  node dist/src/main.js provider  --folder DIR --institution CODE [--wrong SWITCH]…
  node dist/src/main.js requester --folder DIR --institution CODE --ask FILE [--wait SECONDS]
  node dist/src/main.js requester --folder DIR --institution CODE [--wrong SWITCH]…      (questions by standard input, a line each)
  node dist/src/main.js business  --face URL --ask FILE                                  (the token in $WARIFU_TOKEN)
  node dist/src/main.js business  --store FILE [--wrong SWITCH]…       (errands by standard input; the face in $WARIFU_FACE)
  node dist/src/main.js many                                    (providers and requesters in one process, one a line by standard input)
`;

const listed = (who: string, switches: Readonly<Record<string, string>>): string =>
  `\nswitches that make the ${who} wrong on purpose:\n${Object.entries(switches).map(([name, what]) => `  ${name.padEnd(24)}${what}`).join("\n")}`;

/** How to use the command; of one kind of party, its switches. */
function usage(kind: string | undefined): string {
  if (kind === "business") return USAGE + listed("business system", OFFICE_SWITCHES);
  return USAGE + (kind === "requester" ? listed(kind, REQUESTER_SWITCHES) : listed("provider", SWITCHES));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: "string" },
    institution: { type: "string" },
    wrong: { type: "string", multiple: true, default: [] },
    ask: { type: "string" },
    face: { type: "string" },
    store: { type: "string" },
    wait: { type: "string", default: "0" },
  },
});

async function provider(folder: string, institution: string, wrong: ReadonlySet<Switch>): Promise<void> {
  const serving = await (wrong.size === 0 ? serve(folder, institution) : serveWrongly(folder, institution, wrong));
  console.log(JSON.stringify({ institution, address: serving.address, wrong: [...wrong] }));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void serving.stop());
}

/** Prints what became of the inquiry, as JSON; a refusal goes to stderr with exit code 1. */
async function requester(folder: string, institution: string, file: string): Promise<void> {
  const ask = JSON.parse(readFileSync(file, "utf8")) as Ask;
  const own = await Requester.open(folder, institution);
  try {
    console.log(JSON.stringify(await own.ask(ask, Date.now() + Number(values.wait) * 1000)));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(JSON.stringify(error.failure()));
    process.exitCode = 1;
  } finally {
    own.close();
  }
}

/** Answers questions as long as they come. */
async function asking(folder: string, institution: string, names: string[]): Promise<void> {
  const wrong = new Set(names.filter(isRequesterSwitch));
  const own = await (wrong.size === 0 ? Requester : wrongRequester(wrong)).open(folder, institution);
  await askLines(own);
  own.close();
}

/** Prints what the clerk at the premium desk sees. */
async function business(face: string, file: string): Promise<void> {
  const desk = new PremiumDesk(face, process.env["WARIFU_TOKEN"] ?? "");
  try {
    console.log(JSON.stringify(await desk.income(JSON.parse(readFileSync(file, "utf8")) as Case)));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(JSON.stringify({ reason: error.reason, retryable: error.retryable }));
    process.exitCode = 1;
  }
}

/** Runs errands as long as they come. */
async function errands(store: string, names: string[]): Promise<void> {
  const wrong = new Set(names.filter(isOfficeSwitch));
  const [url, token] = [process.env["WARIFU_FACE"] ?? "", process.env["WARIFU_TOKEN"] ?? ""];
  const office = wrong.size === 0 ? new Office(new Face(url, token), store) : new (wrongOffice(wrong))(new WrongFace(url, token, wrong), store);
  await runLines(office);
  office.close();
}

const { folder, institution, ask, face, store } = values;
const wrong = values.wrong.filter(isSwitch);
if (positionals[0] === "provider" && folder && institution && wrong.length === values.wrong.length) {
  await provider(folder, institution, new Set(wrong));
} else if (positionals[0] === "requester" && folder && institution && ask) {
  await requester(folder, institution, ask);
} else if (positionals[0] === "requester" && folder && institution && values.wrong.every(isRequesterSwitch)) {
  await asking(folder, institution, values.wrong);
} else if (positionals[0] === "business" && face && ask) {
  await business(face, ask);
} else if (positionals[0] === "business" && store && values.wrong.every(isOfficeSwitch)) {
  await errands(store, values.wrong);
} else if (positionals[0] === "many") {
  await host();
} else {
  console.error(usage(positionals[0]));
  process.exitCode = 2;
}
