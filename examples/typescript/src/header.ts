/** The request header: what the requester asks, in the clear for gateway and provider (PROTO-4.2, PROTO-1.9). */
import { FormError } from "./contracts.js";
import { isDay } from "./times.js";

export interface Span {
  fiscal_year?: { year: number } | null;
  period?: { first_day?: string; last_day?: string } | null;
}

export interface RequestHeader {
  request_id: string;
  requester: string;
  provider: string;
  affair: string;
  procedure: string;
  item: string;
  span: Span | null;
  office: string;
  clerk: string;
  non_disclosure: boolean;
  consent?: { given_on: string; reference: string } | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INSTITUTION = /^[a-z][a-z0-9_-]{0,39}$/;
const CODE = /^[0-9A-Za-z_-]{16}$/;

export function checkHeader(header: RequestHeader): void {
  must(UUID.test(header.request_id), "request_id");
  must(INSTITUTION.test(header.requester), "requester");
  must(INSTITUTION.test(header.provider), "provider");
  for (const name of ["affair", "procedure", "item"] as const) must(CODE.test(header[name]), name);
  checkSpan(header.span);
  must(isText(header.office, 40), "office");
  must(isText(header.clerk, 40), "clerk");
  if (header.consent) must(isDay(header.consent.given_on) && isText(header.consent.reference, 60), "consent");
}

function checkSpan(span: Span | null): void {
  const year = span?.fiscal_year?.year;
  if (year !== undefined) must(year >= 1900 && year <= 2200, "span.fiscal_year");
  const { first_day, last_day } = span?.period ?? {};
  for (const day of [first_day, last_day]) must(day === undefined || isDay(day), "span.period");
  must(first_day === undefined || last_day === undefined || first_day <= last_day, "span.period");
}

const isText = (text: string, longest: number): boolean =>
  text.trim() !== "" && [...text].length <= longest && !/\p{Cc}/u.test(text);

function must(holds: boolean, field: string): void {
  if (!holds) throw new FormError(`header: ${field}`);
}
