/** Domain separation: every hash, signature and seal begins with a tag of its own (PROTO-3.10). */
import { utf8 } from "./bytes.js";

const tag = (name: string): Buffer => utf8(`${name}\0`);

export const PERMIT_BATCH = tag("warifu/permit/v1");
export const QUERY_SEAL = tag("warifu/query/v1");
export const ANSWER_SEAL = tag("warifu/answer-seal/v1");
export const ANSWER_BATCH = tag("warifu/answer/v1");
export const ANSWER_DIGEST = tag("warifu/answer-digest/v1");
export const RECEIPT = tag("warifu/receipt/v1");
export const RECORD = tag("warifu/record/v1");
export const EVENT = tag("warifu/event/v1");
export const DIRECTORY = tag("warifu/directory/v1");
export const REVIEW_SAMPLE = tag("warifu/review-sample/v1");
export const LAW_BOOK = tag("warifu/table/v1");
