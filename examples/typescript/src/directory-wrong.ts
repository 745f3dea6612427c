/** A directory that is wrong on purpose: providers and requesters can be broken by it (switches.ts, requester-wrong.ts). */
import { X509Certificate } from "node:crypto";
import { Directory, type SignedEntry, type VerifiedEntry, readEntry } from "./directory.js";

/** Faults of a reader of the directory. */
export type DirectorySwitch = "believesAnyEntry" | "takesOldEntries";

export const directoryOf = (wrong: ReadonlySet<string>): typeof Directory =>
  class extends Directory {
    private is(name: DirectorySwitch): boolean {
      return wrong.has(name);
    }

    protected override believed(signed: SignedEntry): VerifiedEntry {
      return this.is("believesAnyEntry") ? readEntry(signed, new X509Certificate(signed.certificate)) : super.believed(signed);
    }

    protected override isBehind(entry: VerifiedEntry, signed: SignedEntry): boolean {
      return super.isBehind(entry, signed) && !this.is("takesOldEntries");
    }
  };
