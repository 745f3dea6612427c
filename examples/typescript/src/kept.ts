/** What the provider keeps: used permits with their answers, records, and the directory's memory. Each entry is one transaction. */
import type { Seen } from "./directory.js";
import { Journal } from "./store.js";

export interface KeptPermit {
  id: string;
  /** Base64, as all bytes here. */
  hash: string;
  permit: string;
  /** Place in the answer block. */
  place: number;
  outcome: number;
  nonDisclosure: boolean;
  /** Field paths of the query. */
  fields: string[];
}

export interface KeptRecord {
  record: string;
  salt: string;
  commitment: string;
  permitHash: string;
  /** The gateway's promise, beside the record of a request. */
  promised?: string;
  /** SHA-256 of the sealed answer, beside the record of an outcome ANSWERED. */
  sealedHash?: string;
}

/** Answers that were sealed together; a decision of a clerk replaces the answer of one permit. */
export interface Provided {
  kind: "provided";
  /** Serialised SealedAnswer. */
  sealed: string;
  permits: KeptPermit[];
  records: KeptRecord[];
}

type Entry = Provided | Seen | { kind: "version"; version: number };

export class Kept {
  readonly records: KeptRecord[] = [];
  version = 0;
  private readonly journal: Journal<Entry>;
  private readonly permits = new Map<string, KeptPermit & { sealed: string }>();

  constructor(path: string, private readonly seen: (entry: Seen) => void) {
    this.journal = new Journal(path, (entry) => this.apply(entry));
  }

  permit(id: string): (KeptPermit & { sealed: string }) | undefined {
    return this.permits.get(id);
  }

  add(entry: Entry): void {
    this.journal.add(entry);
  }

  close(): void {
    this.journal.close();
  }

  private apply(entry: Entry): void {
    if (entry.kind === "seen") this.seen(entry);
    else if (entry.kind === "version") this.version = entry.version;
    else {
      for (const permit of entry.permits) this.permits.set(permit.id, { ...permit, sealed: entry.sealed });
      this.records.push(...entry.records);
    }
  }
}
