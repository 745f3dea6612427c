/** The command: a provider that serves, a requester that asks once, or a business system that does behind an interim server. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Case, PremiumDesk, Problem } from "./business.js";
import { Refusal } from "./errors.js";
import { type Ask, Requester } from "./requester.js";
import { serve } from "./serve.js";
import { SWITCHES, type Switch, isSwitch } from "./switches.js";

const USAGE = `usage:
  node dist/src/main.js provider  --folder DIR --institution CODE [--wrong SWITCH]…
  node dist/src/main.js requester --folder DIR --institution CODE --ask FILE [--wait SECONDS]
  node dist/src/main.js business  --face URL --ask FILE          (the token in $WARIFU_TOKEN)

switches that make the provider wrong on purpose:
${Object.entries(SWITCHES).map(([name, what]) => `  ${name.padEnd(24)}${what}`).join("\n")}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: "string" },
    institution: { type: "string" },
    wrong: { type: "string", multiple: true, default: [] },
    ask: { type: "string" },
    face: { type: "string" },
    wait: { type: "string", default: "0" },
  },
});

async function provider(folder: string, institution: string, wrong: ReadonlySet<Switch>): Promise<void> {
  const serving = await serve(folder, institution, wrong);
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

const { folder, institution, ask, face } = values;
const wrong = values.wrong.filter(isSwitch);
if (positionals[0] === "provider" && folder && institution && wrong.length === values.wrong.length) {
  await provider(folder, institution, new Set(wrong));
} else if (positionals[0] === "requester" && folder && institution && ask) {
  await requester(folder, institution, ask);
} else if (positionals[0] === "business" && face && ask) {
  await business(face, ask);
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
