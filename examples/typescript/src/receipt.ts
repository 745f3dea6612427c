/** The gateway's receipt: its signed word that a request is in its records (PROTO-4.10). */
import { type BatchSignature, type KeyOf, checkBatch } from "./batch.js";
import { u64 } from "./bytes.js";
import { FormError } from "./contracts.js";
import { Refusal } from "./errors.js";
import { HASH_SIZE } from "./merkle.js";
import { RECEIPT } from "./tags.js";
import { type Timestamp, millis } from "./times.js";

export interface Receipt {
  commitment: Buffer;
  exchange_time: Timestamp | null;
  recorded_at: Timestamp | null;
  signature: BatchSignature | null;
}

export function checkReceipt(receipt: Receipt | null, keyOf: KeyOf): Receipt {
  try {
    if (receipt?.commitment.length !== HASH_SIZE) throw new FormError("commitment");
    const item = Buffer.concat([receipt.commitment, u64(Math.floor(millis(receipt.recorded_at)))]);
    checkBatch(RECEIPT, item, receipt.signature, keyOf);
    return receipt;
  } catch (error) {
    throw error instanceof FormError || error instanceof RangeError ? new Refusal("GATEWAY_RECEIPT_INVALID") : error;
  }
}
