/** Times as milliseconds since 1970, and days of the calendar in Japan (PROTO-12.3). */
import { FormError } from "./contracts.js";

export interface Timestamp {
  seconds: number;
  nanos: number;
}

const JAPAN = 9 * 3_600_000;
/** Seconds since 1970 between which a timestamp lies. */
const [YEAR_1, YEAR_10000] = [-62_135_596_800, 253_402_300_800];

export function millis(stamp: Timestamp | null): number {
  if (stamp === null || stamp.nanos < 0 || stamp.nanos >= 1e9 || !(stamp.seconds >= YEAR_1 && stamp.seconds < YEAR_10000)) throw new FormError("not a time");
  return stamp.seconds * 1000 + stamp.nanos / 1e6;
}

export function timestamp(at: number): Timestamp {
  const whole = Math.floor(at);
  return { seconds: Math.floor(whole / 1000), nanos: (((whole % 1000) + 1000) % 1000) * 1_000_000 };
}

/** The calendar day in Japan, ISO 8601. */
export const dayOf = (at: number): string => new Date(at + JAPAN).toISOString().slice(0, 10);

/** Is it a day of the calendar. */
export function isDay(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}
