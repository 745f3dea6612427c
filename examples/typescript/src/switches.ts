/** Ways in which this provider can be made wrong on purpose, each in one way: what tests of providers must find, and nothing else. */
export const SWITCHES = {
  admitsAnyCertificate: "takes whoever has no certificate of the network for the gateway",
  believesAnyName: "does not see whether a certificate names one caller, of this network",
  ignoresDates: "checks the dates of a certificate when a connection opens, and never again",
  ignoresRevocations: "does not ask whether a certificate was revoked",
  trustsOldList: "goes on with the last revocation list when there is none that it can verify",
  admitsAnyCaller: "provides to every party of the network",
  ignoresLeaves: "does not compare queries with the leaves of their block",
  leaksOutcome: "pads no answer, so that the size tells what it says",
  mixesRequesters: "answers two requesters in one block",
  skipsPermitCheck: "takes permits that the gateway did not sign",
  ignoresBatchShape: "follows the hashes of a proof, and not whether they lead through a batch of that size",
  ignoresUnknownFields: "takes permits with fields that the contract does not know",
  acceptsForeignAudience: "takes permits for another provider",
  ignoresExpiry: "takes permits outside their window",
  forgetsSingleUse: "looks up again under a used permit, and takes other bytes under its id",
  forgetsPlace: "tells the place of a permit in the call for that of its answer in the block",
  skipsLawBook: "does not look into its own law book",
  judgesByClock: "judges by the network's day, and not by the day of the exchange",
  ignoresConsent: "takes the person's consent for given",
  ignoresAssessments: "does not ask whether impact assessments are in order",
  ignoresQuery: "does not see whether the query is the one that the permit names",
  failsTogether: "fails a call when one of its permits is wrong",
  sealsToNewestKey: "seals to the requester's newest key, whatever the permit names",
  ignoresSpan: "provides all copies of an item, whenever they are about",
  providesAll: "provides every record that there is, however many",
  ignoresFields: "provides fields that the row does not release",
  providesUnwanted: "provides fields that the query does not want",
  ignoresFlags: "does not heed the person's protection",
  waitsForBlocked: "has a clerk look at own requests that are blocked anyway",
  sparesFromSample: "draws nobody into the sample of whom nothing would be told",
  ignoresCorrections: "does not wait after a correction",
  decidesAgain: "lets a clerk change a final answer",
  neverCloses: "goes on answering after the review period",
  wrongLayout: "names another layout version than the copy's",
  wrongSeal: "does not bind the seal to the answers",
  unsigned: "does not sign answers",
  noRecord: "keeps no record of what it provided",
  dropsWish: "does not record that an exchange is not to be shown",
  explainsInEnglish: "tells failures in one language",
  breaksOnGarbage: "has no answer to a call that cannot be read",
  ignoresLimits: "takes calls of any size",
  believesAnyEntry: "does not see who signed an entry of the directory",
  takesOldEntries: "takes entries of the directory that are older than others",
  newKeysEachStart: "makes new keys each time it starts",
} as const;

export type Switch = keyof typeof SWITCHES;

export const isSwitch = (name: string): name is Switch => name in SWITCHES;

/** In which ways a provider is wrong. */
export type Wrong = ReadonlySet<Switch>;
