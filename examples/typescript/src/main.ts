/** The command: `node dist/src/main.js provider --folder DIR --institution CODE`. */
import { parseArgs } from "node:util";
import { serve } from "./serve.js";
import { SWITCHES, type Switch, isSwitch } from "./switches.js";

const USAGE = `usage:
  node dist/src/main.js provider  --folder DIR --institution CODE [--wrong SWITCH]…

switches that make the provider wrong on purpose:
${Object.entries(SWITCHES).map(([name, what]) => `  ${name.padEnd(24)}${what}`).join("\n")}`;

async function provider(folder: string, institution: string, wrong: ReadonlySet<Switch>): Promise<void> {
  const serving = await serve(folder, institution, wrong);
  console.log(JSON.stringify({ institution, address: serving.address, wrong: [...wrong] }));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void serving.stop());
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: "string" }, institution: { type: "string" }, wrong: { type: "string", multiple: true, default: [] } },
});
const wrong = values.wrong.filter(isSwitch);
if (positionals[0] === "provider" && values.folder && values.institution && wrong.length === values.wrong.length) {
  await provider(values.folder, values.institution, new Set(wrong));
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
