/** Answers: sealed to the requester, signed by the provider, bound to header and permit (PROTO-6.6, 6.7, 7.1, 7.11). */
import { sha256, same, u32, utf8 } from "./bytes.js";
import { FormError, contracts } from "./contracts.js";
import { Refusal } from "./errors.js";
import { OpenError, type OwnKeys, type SealingKey, type VerifyingKey } from "./keys.js";
import { leafHash, root } from "./merkle.js";
import { ANSWER, type Purpose, type SealedBlock, blockHash, open, seal } from "./sealing.js";
import { ANSWER_BATCH, ANSWER_DIGEST } from "./tags.js";

export const Fine = { PROVIDED: 1, NO_RECORD: 2, NOT_REGISTERED: 3, WITHHELD: 4, PENDING: 5 } as const;
export const Outcome = { ANSWERED: 1, PENDING: 2, DENIED: 3, ERROR: 4, EXPIRED: 5 } as const;

export interface DataRecord {
  record_key: string;
  layout_version: string;
  content: object;
}

export interface Answer {
  header_hash: Buffer;
  permit_hash: Buffer;
  provider: string;
  requester: string;
  outcome: number;
  records: DataRecord[];
  non_disclosure: boolean;
  salt: Buffer;
}

export interface SealedAnswer {
  block: SealedBlock | null;
  key_id: string;
  signature: Buffer;
}

const BLOCK = "warifu.exchange.v1.AnswerBlock";

export const answerBytes = (answer: Answer): Buffer => contracts().encode("warifu.exchange.v1.Answer", answer);
export const answerDigest = (bytes: Uint8Array): Buffer => sha256(ANSWER_DIGEST, bytes);
export const answerLeaf = (headerHash: Uint8Array, permitHash: Uint8Array): Buffer =>
  leafHash(Buffer.concat([headerHash, permitHash]));

/** What the provider signs. */
export const signedBytes = (block: SealedBlock): Buffer =>
  Buffer.concat([ANSWER_BATCH, u32(block.leaves.length), root(block.leaves), blockHash(block), utf8(block.key_id)]);

export async function sealAnswers(answers: Answer[], to: SealingKey, own: OwnKeys, purpose: Purpose = ANSWER): Promise<SealedAnswer> {
  const leaves = answers.map((answer) => answerLeaf(answer.header_hash, answer.permit_hash));
  const block = await seal(purpose, to, leaves, contracts().encode(BLOCK, { answers }));
  return { block, key_id: own.signingKeyId, signature: own.sign(signedBytes(block)) };
}

/** The answer at a place, when the provider signed the block, it opens, and the answer is to this header under this permit. */
export async function openAnswer(
  sealed: SealedAnswer,
  index: number,
  own: OwnKeys,
  provider: VerifyingKey,
  headerHash: Uint8Array,
  permitHash: Uint8Array,
): Promise<Answer> {
  const { block } = sealed;
  if (block === null || !isSigned(sealed, block, provider)) throw new Refusal("PROVIDER_ANSWER_INVALID");
  const answers = await opened(block, own);
  const [answer, leaf] = [answers[index], block.leaves[index]];
  const fits =
    answers.length === block.leaves.length &&
    answer !== undefined &&
    leaf !== undefined &&
    same(leaf, answerLeaf(headerHash, permitHash)) &&
    same(answer.header_hash, headerHash) &&
    same(answer.permit_hash, permitHash) &&
    answer.provider === provider.owner &&
    answer.requester === own.owner &&
    answer.outcome !== 0 &&
    answer.salt.length === 32;
  if (!fits) throw new Refusal("PROVIDER_ANSWER_INVALID");
  return answer;
}

function isSigned(sealed: SealedAnswer, block: SealedBlock, provider: VerifyingKey): boolean {
  return block.leaves.length > 0 && sealed.key_id === provider.id && provider.fits(signedBytes(block), sealed.signature);
}

async function opened(block: SealedBlock, own: OwnKeys): Promise<Answer[]> {
  try {
    return contracts().decode<{ answers: Answer[] }>(BLOCK, await open(ANSWER, block, own)).answers;
  } catch (error) {
    if (error instanceof OpenError) throw new Refusal("PROVIDER_ANSWER_UNREADABLE");
    throw error instanceof FormError ? new Refusal("PROVIDER_ANSWER_INVALID") : error;
  }
}
