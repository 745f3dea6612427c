/**
 * The copies (副本) and who they are about: `copies.json` in the party's folder, written by the institution's business system and read again
 * when it changed. People are known by the institution's own codes, which enrolment gave (docs/PROTOCOL.md §2).
 */
import { readFileSync, statSync } from "node:fs";
import { Fine, type DataRecord } from "./answer.js";
import type { RequestHeader } from "./header.js";

export interface Copy {
  item: string;
  recordKey: string;
  layoutVersion: string;
  /** What the record is about; absent is without end. */
  firstDay?: string;
  lastDay?: string;
  /** When it may be provided. */
  publishedFrom?: string;
  publishedTo?: string;
  /** warifu.items.v1.ItemContent: the item's name and its fields, `corrected_on` (更正日) among them. */
  content: Record<string, unknown>;
}

export interface Person {
  /** Hexadecimal. */
  code: string;
  nonDisclosure?: boolean;
  selfDisclosureBlocked?: boolean;
  manualReview?: boolean;
  copies: Copy[];
}

export interface Found {
  outcome: number;
  records: DataRecord[];
  /** The last correction of a record that is provided. */
  correctedOn?: string;
}

/** In one answer. */
export const MOST_RECORDS = 100;

export class Copies {
  private stamp = 0;
  private people = new Map<string, Person>();

  constructor(private readonly path: string) {}

  person(code: Buffer): Person | undefined {
    const { mtimeMs } = statSync(this.path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    if (mtimeMs !== this.stamp) {
      const { people } = JSON.parse(readFileSync(this.path, "utf8")) as { people: Person[] };
      this.people = new Map(people.map((one) => [one.code, one]));
      this.stamp = mtimeMs;
    }
    return this.people.get(code.toString("hex"));
  }
}

/** What a person's copies say to an inquiry on a day, cut down to the released fields (PROTO-6.3, PROTO-6.4). */
export function lookUp(
  person: Person | undefined,
  header: RequestHeader,
  on: string,
  isReleased: (path: string) => boolean,
  most = MOST_RECORDS,
): Found {
  const copies = person?.copies.filter((copy) => copy.item === header.item) ?? [];
  if (copies.length === 0) return { outcome: Fine.NOT_REGISTERED, records: [] };
  const [first, last] = spanDays(header, on);
  const chosen = copies
    .filter((copy) => (copy.publishedFrom ?? on) <= on && on <= (copy.publishedTo ?? on))
    .filter((copy) => (copy.firstDay ?? last) <= last && first <= (copy.lastDay ?? first))
    .sort((one, other) => (one.recordKey < other.recordKey ? -1 : 1))
    .slice(0, most);
  if (chosen.length === 0) return { outcome: Fine.NO_RECORD, records: [] };
  const corrected = chosen.map(correctedOn).sort().at(-1);
  const records = chosen.map((copy) => ({
    record_key: copy.recordKey,
    layout_version: copy.layoutVersion,
    content: cutDown(copy.content, isReleased),
  }));
  return { outcome: Fine.PROVIDED, records, ...(corrected ? { correctedOn: corrected } : {}) };
}

/** The day of its last correction, as the record states it; nothing where it states none. */
function correctedOn({ content }: Copy): string {
  const days = Object.values(content).map((fields) => (fields as Record<string, unknown>)["corrected_on"]);
  return (days.find((day) => typeof day === "string") as string | undefined) ?? "";
}

/** The released fields alone, built up from nothing, and of the reasons for empty fields those that are among them. */
function cutDown(content: Record<string, unknown>, isReleased: (path: string) => boolean): Record<string, unknown> {
  const { empty_fields: empty, ...items } = content;
  const cut: Record<string, unknown> = {};
  for (const [item, fields] of Object.entries(items)) {
    cut[item] = Object.fromEntries(Object.entries(fields as object).filter(([name]) => isReleased(name)));
  }
  cut["empty_fields"] = ((empty ?? []) as { path: string }[]).filter((one) => isReleased(one.path));
  return cut;
}

/** First and last day asked for: a fiscal year from 1 April to 31 March, a period as given, otherwise the day itself. */
function spanDays({ span }: RequestHeader, on: string): [string, string] {
  if (span?.fiscal_year) {
    const { year } = span.fiscal_year;
    return [`${year}-04-01`, `${year + 1}-03-31`];
  }
  return span?.period ? [span.period.first_day ?? "0001-01-01", span.period.last_day ?? "9999-12-31"] : [on, on];
}
