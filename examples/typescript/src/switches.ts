/** Ways in which this provider can be made wrong on purpose, each in one way: what tests of providers must find, and nothing else. */
export const SWITCHES = {
  skipsPermitCheck: "takes permits that the gateway did not sign",
  acceptsForeignAudience: "takes permits for another provider",
  ignoresExpiry: "takes permits outside their window",
  forgetsSingleUse: "looks up again under a used permit, and takes other bytes under its id",
  skipsLawBook: "does not look into its own law book",
  ignoresQuery: "does not see whether the query is the one that the permit names",
  ignoresFields: "provides fields that the row does not release",
  ignoresFlags: "does not heed the person's protection",
  wrongLayout: "names another layout version than the copy's",
  wrongSeal: "does not bind the seal to the answers",
  unsigned: "does not sign answers",
  leaksOutcome: "pads no answer, so that the size tells what it says",
  noRecord: "keeps no record of what it provided",
} as const;

export type Switch = keyof typeof SWITCHES;

export const isSwitch = (name: string): name is Switch => name in SWITCHES;
