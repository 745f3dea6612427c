/**
 * Many parties in one process, each in its own folder and with its own faults: a start of Node and of the contracts costs more than most checks.
 *
 * A line of standard input names one, and a line of standard output says where it is, once it is there. All end with standard input.
 */
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";
import { askLines } from "./lines.js";
import { serveWrongly } from "./provider-wrong.js";
import { Requester } from "./requester.js";
import { isRequesterSwitch, wrongRequester } from "./requester-wrong.js";
import { serve } from "./serve.js";
import { isSwitch } from "./switches.js";

interface Wanted {
  kind: "provider" | "requester";
  folder: string;
  institution: string;
  wrong: string[];
}

/** What was started: where it is to be found, and how it ends. */
interface Hosted {
  address: string;
  stop: () => Promise<void>;
}

/** Start what each line names; a line that says `{"folder": …, "stop": true}` ends it again. */
export async function host(): Promise<void> {
  const hosted = new Map<string, Promise<Hosted>>();
  for await (const line of createInterface({ input: process.stdin })) {
    const wanted = JSON.parse(line) as Wanted & { stop?: boolean };
    if (wanted.stop === true) {
      void hosted.get(wanted.folder)?.then((one) => one.stop());
      hosted.delete(wanted.folder);
    } else {
      const started = wanted.kind === "provider" ? provider(wanted) : requester(wanted);
      hosted.set(wanted.folder, started);
      void started.then(({ address }) => console.log(JSON.stringify({ folder: wanted.folder, address, wrong: wanted.wrong })));
    }
  }
  await Promise.all([...hosted.values()].map(async (one) => (await one).stop()));
}

function waysOf<Switch extends string>(wrong: string[], isOne: (name: string) => name is Switch): Set<Switch> {
  const ways = wrong.filter(isOne);
  if (ways.length < wrong.length) throw new Error(`no such switches among ${wrong.join(", ")}`);
  return new Set(ways);
}

async function provider({ folder, institution, wrong }: Wanted): Promise<Hosted> {
  const ways = waysOf(wrong, isSwitch);
  return ways.size === 0 ? serve(folder, institution) : serveWrongly(folder, institution, ways);
}

/** A requester that takes questions over connections to a port of its own. It publishes its keys when the first comes: before, there may be no gateway. */
async function requester({ folder, institution, wrong }: Wanted): Promise<Hosted> {
  const ways = waysOf(wrong, isRequesterSwitch);
  let opened: Promise<Requester> | undefined;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy()); // whoever asked went away
    opened ??= (ways.size === 0 ? Requester : wrongRequester(ways)).open(folder, institution);
    opened.then((own) => askLines(own, { input: socket, output: socket })).catch((error: unknown) => {
      console.error(folder, error);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.close();
    (await opened)?.close();
  };
  return { address: `127.0.0.1:${port}`, stop };
}
