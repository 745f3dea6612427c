/** How a requester comes by its codes (docs/PROTOCOL.md §2): numbering is told the person, the gateway hands out the code, and each code stays until it is superseded. */
import { randomBytes } from "node:crypto";
import { type Failure, Refusal, known } from "./errors.js";
import type { Calls } from "./party.js";
import { bytes, text } from "./store.js";

/** Whom to enrol: by individual number, or by the four basic items in the JSON of `warifu.common.v1.BasicItems`. */
export interface Enrolling {
  addresseeNo: string;
  individualNumber?: string;
  basicItems?: object;
}

/** Lines of the journal: a code that was claimed, and codes that serve no longer, with how far the list is read. Base64. */
export type Held = { kind: "enrolled"; addresseeNo: string; code: string } | { kind: "superseded"; position: number; codes: string[] };

interface Subject {
  code: Buffer;
}

const DEADLINE = 10_000;
const TRIES = 5;
const PAUSE = 200;

export class Enrolment {
  /** Base64, by addressee number. */
  protected readonly codes = new Map<string, string>();
  private position = 0;

  constructor(
    private readonly institution: string,
    private readonly numbering: Calls,
    protected readonly gateway: Calls,
    private readonly keep: (held: Held) => void,
  ) {}

  /** Obtain the person's code. What names the person goes to numbering and stays nowhere here (PROTO-2.2). */
  async enrol(person: Enrolling): Promise<void> {
    const number = this.acquisitionNumber(person);
    await this.deposit(number, person);
    const code = await this.claim(number, person);
    this.keep({ kind: "enrolled", addresseeNo: person.addresseeNo, code: text(code) });
  }

  /** The own code of an addressee, unless it serves no longer (PROTO-2.9): the list is read before a code is used. */
  async code(addresseeNo: string): Promise<Buffer> {
    await this.readSuperseded();
    const code = this.codes.get(addresseeNo);
    if (code === undefined) throw new Refusal("CLIENT_NOT_ENROLLED");
    return bytes(code);
  }

  /** Take in a line of the journal. */
  apply(held: Held): void {
    if (held.kind === "enrolled") this.codes.set(held.addresseeNo, held.code);
    else {
      this.position = held.position;
      this.drop(held.codes);
    }
  }

  close(): void {
    this.numbering.close();
    this.gateway.close();
  }

  /** Fresh for each enrolment (PROTO-2.1). */
  protected acquisitionNumber(_: Enrolling): Buffer {
    return randomBytes(16);
  }

  /** The person as numbering is told (PROTO-2.2). */
  protected named({ individualNumber, basicItems }: Enrolling): object {
    if (basicItems === undefined) return { individual_number: individualNumber };
    return { basic_items: snake(basicItems) };
  }

  protected async deposit(number: Buffer, person: Enrolling): Promise<void> {
    const asked = { institution: this.institution, acquisition_number: number, ...this.named(person) };
    const { results } = await this.numbering.call<{ results: { error: Failure | null }[] }>("EnrolMany", { enrolments: [asked] }, DEADLINE);
    const [result] = results;
    if (result === undefined || result.error) throw new Refusal(known(result?.error?.reason ?? "", "PROVIDER"));
  }

  /** The code for an acquisition number: the same for the same one, so that it may be claimed again (PROTO-2.5). */
  protected async claim(number: Buffer, person: Enrolling): Promise<Buffer> {
    for (let left = TRIES; ; left--) {
      try {
        return await this.claimOnce(number, person);
      } catch (error) {
        if (left === 0 || !(error instanceof Refusal && error.failure().retryable)) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  protected async claimOnce(number: Buffer, _: Enrolling): Promise<Buffer> {
    return claimed(await this.gateway.call<Claims>("Claim", { acquisition_numbers: [number] }, DEADLINE));
  }

  /** Forget the codes among these that are held; the gateway also names some that never were (PROTO-2.10). */
  protected drop(codes: string[]): void {
    for (const [addresseeNo, code] of this.codes) if (codes.includes(code)) this.codes.delete(addresseeNo);
  }

  private async readSuperseded(): Promise<void> {
    for (;;) {
      const { subjects, position } = await this.gateway.call<{ subjects: Subject[]; position: number }>("ListSuperseded", { after: this.position });
      if (position <= this.position) return;
      this.keep({ kind: "superseded", position, codes: subjects.map(({ code }) => text(code)) });
    }
  }
}

export interface Claims {
  results: { subject?: Subject | null; refused?: string }[];
}

/** The one code of an answer to Claim. */
export function claimed({ results: [result] }: Claims): Buffer {
  if (result?.subject) return result.subject.code;
  throw new Refusal(known(result?.refused ?? "", "GATEWAY"));
}

/** Names as the contracts write them. */
const snake = (value: object): object =>
  Object.fromEntries(Object.entries(value).map(([name, content]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), content as unknown]));
