/** The signed law book: what a provider checks beside the permit (PROTO-6.1, PROTO-6.2). */
import { verify } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { sha256, u64, utf8 } from "./bytes.js";
import { Refusal } from "./errors.js";
import type { RequestHeader } from "./header.js";
import { LAW_BOOK } from "./tags.js";
import type { Trust } from "./trust.js";

const FILES = ["institutions.toml", "items.toml", "left_out.toml", "permissions.toml"];
const LEVELS = ["NOT_REQUIRED", "BASIC", "FOCUSED", "FULL"];

interface Row {
  id: string;
  procedure: string;
  requester_roles: string[];
  provider_roles: string[];
  item: string;
  fields: string[];
  effective_from: Date;
  effective_to?: Date;
  origin: string;
  consent_required: boolean;
}

interface Institution {
  code: string;
  role: string;
  operator: string;
  declared_size: number;
  handlers: number;
  serious_accident: boolean;
  pia?: { level: string; published_on: Date; term_years: number };
}

interface Book {
  rows: Row[];
  affairs: Map<string, string>;
  institutions: Map<string, Institution>;
}

/** What the own law book says to an inquiry: the fields that the row releases, and what the requester is in the table. */
export interface Allowed {
  fields: string[];
  requesterRole: string;
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

export class LawBook {
  private stamp = 0;
  private book: Book | undefined;

  constructor(private readonly trust: Trust) {}

  /** The row that allows an inquiry on a day, assessments of both sides included. A permit by another row is refused. */
  allows(header: RequestHeader, on: string, rowId: string): Allowed {
    const { rows, affairs, institutions } = this.current();
    const [requester, provider] = [institutions.get(header.requester), institutions.get(header.provider)];
    const row = rows.find(
      (one) =>
        one.procedure === header.procedure &&
        affairs.get(one.procedure) === header.affair &&
        one.item === header.item &&
        one.requester_roles.includes(requester?.role ?? "") &&
        one.provider_roles.includes(provider?.role ?? "") &&
        day(one.effective_from) <= on &&
        (one.effective_to === undefined || on <= day(one.effective_to)),
    );
    const consents = header.consent ? header.consent.given_on <= on : false;
    const allowed =
      requester !== undefined &&
      provider !== undefined &&
      requester.operator !== provider.operator &&
      row?.id === rowId &&
      (!row.consent_required || consents) &&
      this.isAssessed(requester, on) &&
      this.isAssessed(provider, on);
    if (!allowed) throw new Refusal("PROVIDER_PERMIT_INVALID");
    // Whether an ordinance use is approved, the supervisor says (§14). This example does not ask it, so it provides nothing under one.
    if (row.origin === "ordinance") throw new Refusal("PROVIDER_RULINGS_UNAVAILABLE");
    return { fields: row.fields, requesterRole: requester.role };
  }

  /** Does the published impact assessment count on a day (articles 21 and 28). */
  protected isAssessed(one: Institution, on: string): boolean {
    return isAssessed(one, on);
  }

  /** The book, read again when a new one was put there; nothing is parsed before the root's signature holds. */
  private current(): Book {
    const folder = this.trust.lawFolder;
    try {
      const { mtimeMs } = statSync(join(folder, "law.sig"));
      if (this.book === undefined || mtimeMs !== this.stamp) [this.book, this.stamp] = [read(folder, this.trust), mtimeMs];
      return this.book;
    } catch {
      this.book = undefined;
      throw new Refusal("PROVIDER_TRUST_UNAVAILABLE");
    }
  }
}

function read(folder: string, trust: Trust): Book {
  const files = new Map(FILES.map((name) => [name, readFileSync(join(folder, name))]));
  const hashed = [...files].flatMap(([name, content]) => [u64(utf8(name).length), utf8(name), u64(content.length), content]);
  const message = Buffer.concat([LAW_BOOK, sha256(...hashed)]);
  if (!verify("sha256", message, trust.root.publicKey, readFileSync(join(folder, "law.sig")))) throw new Error("not signed by the root");
  const toml = (name: string): Record<string, unknown> => parse(files.get(name)?.toString("utf8") ?? "");
  const { row, procedure } = toml("permissions.toml") as unknown as { row: Row[]; procedure: { code: string; affair: string }[] };
  const { institution } = toml("institutions.toml") as unknown as { institution: Institution[] };
  return {
    rows: row,
    affairs: new Map(procedure.map((one) => [one.code, one.affair])),
    institutions: new Map(institution.map((one) => [one.code, one])),
  };
}

function isAssessed(one: Institution, on: string): boolean {
  const required = requiredLevel(one);
  if (required === 0) return true;
  if (one.pia === undefined || LEVELS.indexOf(one.pia.level.toUpperCase()) < required) return false;
  const published = day(one.pia.published_on);
  return published <= on && on < yearsAfter(published, one.pia.term_years);
}

/** By number of persons; many staff or an accident raise it. */
function requiredLevel({ declared_size: persons, handlers, serious_accident }: Institution): number {
  const raised = handlers >= 500 || serious_accident ? 1 : 0;
  if (persons < 1_000) return 0;
  if (persons < 10_000) return 1;
  if (persons < 100_000) return 1 + raised;
  return persons < 300_000 ? 2 + raised : 3;
}

/** 1 March for a 29 February that does not exist. */
function yearsAfter(from: string, years: number): string {
  const made = new Date(`${from}T00:00:00Z`);
  made.setUTCFullYear(made.getUTCFullYear() + years);
  return day(made);
}
