/** The example's own code on tests/vectors: everything is accepted or refused as it is said there. */
import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type SealedAnswer, answerBytes, answerDigest, answerLeaf, openAnswer, signedBytes } from "../src/answer.js";
import { checkBatch } from "../src/batch.js";
import { sha256, u32 } from "../src/bytes.js";
import { FormError, contracts, packageRoot } from "../src/contracts.js";
import { Refusal } from "../src/errors.js";
import { OpenError, OwnKeys, SealingKey, UnusableKeyError, VerifyingKey, keyId } from "../src/keys.js";
import { isConsistent, leafHash, root, rootFromPath } from "../src/merkle.js";
import { PaddingError, pad, unpad } from "../src/padding.js";
import { type SignedPermit, checkPermit, checkWindow } from "../src/permit.js";
import { eventCommitment, recordCommitment } from "../src/record.js";
import { type Receipt, checkReceipt } from "../src/receipt.js";
import { ANSWER, QUERY, type SealedBlock, blockHash, infoOf, open, seal } from "../src/sealing.js";
import { PERMIT_BATCH } from "../src/tags.js";
import { millis, timestamp } from "../src/times.js";

const FOLDER = process.env["WARIFU_VECTORS"] ?? join(packageRoot, "..", "..", "tests", "vectors");
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (name: string): any => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));
const raw = (text: string): Buffer => Buffer.from(text, "hex");
const refusedWith = (reason: string) => (error: unknown) => error instanceof Refusal && error.reason === reason;
const PURPOSES = { QUERY, ANSWER };

const SEALING = read("sealing");
const PERMITS = read("permits");

interface Recipient {
  owner: string;
  hpke_key_id: string;
  hpke_public_key: string;
  xwing_seed: string;
  signing_public_key: string;
}

const recipient = (owner: string): Recipient => SEALING.recipients.find((one: Recipient) => one.owner === owner);
const holder = (owner: string): Promise<OwnKeys> =>
  OwnKeys.from(owner, { hpke: recipient(owner).xwing_seed, signing: "00".repeat(32), sample: "00".repeat(32) });
const signer = (owner: string): VerifyingKey => new VerifyingKey(owner, raw(recipient(owner).signing_public_key));
const gateway = new VerifyingKey("gateway", raw(PERMITS.gateway.signing_public_key));
const keyOf = (id: string): VerifyingKey | undefined => (id === gateway.id ? gateway : undefined);
const signed = (hex: string): SignedPermit => contracts().decode("warifu.exchange.v1.SignedPermit", raw(hex));
const check = (hex: string) => checkPermit(signed(hex), { provider: PERMITS.provider, keyOf });

test("keys of codes follow from the secret", () => {
  const { secret, tag, master_key, cases } = read("codes");
  const derived = (use: string, size: number): string =>
    Buffer.from(hkdfSync("sha512", raw(secret), Buffer.alloc(64), Buffer.concat([raw(tag), raw(use)]), size)).toString("hex");
  assert.equal(derived(Buffer.from("master").toString("hex"), 32), master_key);
  for (const one of cases) {
    const name = Buffer.from(one.institution);
    const use = Buffer.concat([Buffer.from("institution\0"), Buffer.from([0, name.length]), name, Buffer.from([one.epoch])]);
    assert.equal(derived(use.toString("hex"), 64), one.institution_key);
    const master = createHmac("sha256", raw(master_key)).update(raw(tag)).update(one.resident_code).digest().subarray(0, 16);
    assert.equal(master.toString("hex"), one.master);
    assert.equal(raw(one.code)[0], one.epoch);
  }
});

test("batches are signed over the root of their items", () => {
  const { tag, signing_public_key, batches } = read("batches");
  const key = new VerifyingKey("gateway", raw(signing_public_key));
  for (const one of batches) {
    const made = root(one.items.map((item: string) => leafHash(raw(item))));
    assert.equal(made.toString("hex"), one.root);
    assert.equal(Buffer.concat([raw(tag), u32(one.items.length), made]).toString("hex"), one.signed);
    for (const [index, path] of Object.entries<string[]>(one.paths)) {
      const proof = { index: Number(index), size: one.items.length, path: path.map(raw), key_id: key.id, signature: raw(one.signature) };
      checkBatch(PERMIT_BATCH, raw(one.items[Number(index)]), proof, () => key);
      assert.throws(() => checkBatch(PERMIT_BATCH, raw("00"), proof, () => key), FormError);
    }
  }
});

test("trees include their leaves and continue each other", () => {
  const { entries, leaf_hashes, trees, consistency } = read("trees");
  assert.deepEqual(entries.map((one: string) => leafHash(raw(one)).toString("hex")), leaf_hashes);
  for (const tree of trees) {
    const leaves = leaf_hashes.slice(0, tree.size).map(raw);
    assert.equal(root(leaves).toString("hex"), tree.root);
    tree.inclusion.forEach((path: string[], index: number) =>
      assert.equal(rootFromPath(leaves[index], index, tree.size, path.map(raw)).toString("hex"), tree.root),
    );
  }
  for (const one of consistency) {
    const [old, now] = [{ size: one.old_size, root: raw(one.old_root) }, { size: one.new_size, root: raw(one.new_root) }];
    assert.equal(isConsistent(old, now, one.proof.map(raw)), true);
    assert.equal(isConsistent({ ...old, root: Buffer.alloc(32, 7) }, now, one.proof.map(raw)), false);
    assert.equal(isConsistent(old, { ...now, root: Buffer.alloc(32, 7) }, one.proof.map(raw)), false);
  }
});

test("content is padded to its class and comes back", () => {
  const said = read("padding");
  for (const one of said.classes) assert.equal(pad(Buffer.alloc(one.content)).length, one.padded);
  for (const one of said.floors) assert.equal(PURPOSES[one.purpose as "QUERY"].floor(one.items), one.floor);
  assert.equal(unpad(raw(said.padded.bytes)).toString("hex"), said.padded.content);
  for (const one of said.refused) assert.throws(() => unpad(raw(one.bytes)), PaddingError, one.name);
});

test("seals open for their recipient, with the stated info and content", async () => {
  for (const one of SEALING.blocks) {
    const own = await holder(one.recipient);
    assert.equal(own.hpkePublic.toString("hex"), recipient(one.recipient).hpke_public_key);
    assert.equal(own.hpkeKeyId, one.key_id);
    const block = contracts().decode<SealedBlock>("warifu.exchange.v1.SealedBlock", raw(one.block));
    const purpose = PURPOSES[one.purpose as "QUERY"];
    assert.equal(infoOf(purpose, block.recipient, block.key_id, block.leaves).toString("hex"), one.info);
    assert.equal((await open(purpose, block, own)).toString("hex"), one.plaintext);
    assert.equal((await own.open(block.key_id, block.ciphertext, raw(one.info))).length, one.padded_bytes);
    assert.equal(blockHash(block).toString("hex"), one.block_hash);
  }
});

test("seals that were changed do not open", async () => {
  const own = await holder(PERMITS.provider);
  for (const one of SEALING.refused) {
    const block = contracts().decode<SealedBlock>("warifu.exchange.v1.SealedBlock", raw(one.block));
    await assert.rejects(open(PURPOSES[one.purpose as "QUERY"], block, own), OpenError, one.name);
  }
});

test("what is sealed here opens here", async () => {
  const own = await holder(PERMITS.provider);
  const leaves = [sha256(Buffer.from("leaf"))];
  const block = await seal(QUERY, new SealingKey(own.owner, own.hpkePublic), leaves, Buffer.from("content"));
  assert.equal((await open(QUERY, block, own)).toString(), "content");
});

test("the signed answer is accepted, and no other", async () => {
  const said = SEALING.sealed_answers;
  const [own, key] = [await holder(said.requester), signer(said.provider)];
  const decode = (hex: string): SealedAnswer => contracts().decode("warifu.exchange.v1.SealedAnswer", raw(hex));
  const sealed = decode(said.sealed_answer);
  assert.equal(signedBytes(sealed.block as SealedBlock).toString("hex"), said.signed);
  for (const [index, one] of read("records").answers.entries()) {
    const [header, permit] = [PERMITS.permits[1 + index].header_hash, PERMITS.permits[1 + index].permit_hash].map(raw) as [Buffer, Buffer];
    const answer = await openAnswer(sealed, index, own, key, header, permit);
    assert.equal(answerBytes(answer).toString("hex"), one.answer);
    assert.equal(answerDigest(answerBytes(answer)).toString("hex"), one.digest);
    assert.equal(answerLeaf(header, permit).toString("hex"), one.leaf);
    await assert.rejects(openAnswer(sealed, 1 - index, own, key, header, permit), refusedWith("PROVIDER_ANSWER_INVALID"));
    for (const wrong of said.refused) {
      await assert.rejects(openAnswer(decode(wrong.sealed_answer), index, own, key, header, permit), refusedWith(wrong.reason), wrong.name);
    }
  }
});

test("good permits are accepted", () => {
  for (const one of PERMITS.permits) {
    const checked = check(one.signed_permit);
    assert.equal(checked.permitHash.toString("hex"), one.permit_hash);
    assert.equal(checked.headerHash.toString("hex"), one.header_hash);
    assert.equal(checked.header.office, one.header_fields.office);
    assert.equal(checked.code.toString("base64"), one.fields.subject.code);
  }
});

for (const one of PERMITS.refused) {
  test(`a permit is refused: ${one.name}`, () => {
    assert.throws(() => check(one.signed_permit), refusedWith(one.reason));
  });
}

test("permits are accepted within their window alone", () => {
  for (const one of PERMITS.windows) {
    const checked = check(one.signed_permit);
    if (one.reason === null) checkWindow(checked, one.now);
    else assert.throws(() => checkWindow(checked, one.now), refusedWith(one.reason), one.name);
  }
});

test("receipts verify", () => {
  for (const one of PERMITS.receipts) {
    const receipt = contracts().decode<Receipt>("warifu.linkage.v1.Receipt", raw(one.receipt));
    checkReceipt(receipt, keyOf);
    assert.throws(() => checkReceipt({ ...receipt, commitment: Buffer.alloc(32) }, keyOf), refusedWith("GATEWAY_RECEIPT_INVALID"));
  }
});

test("records and events have the stated commitments and leaves", () => {
  const said = read("records");
  for (const one of said.records) {
    const made = recordCommitment(raw(one.salt), raw(one.record));
    assert.equal(made.toString("hex"), one.commitment);
    assert.equal(leafHash(made).toString("hex"), one.leaf_hash);
    const fields = contracts().decode<Record<string, unknown>>("warifu.exchange.v1.AccessRecord", raw(one.record));
    assert.equal(contracts().encode("warifu.exchange.v1.AccessRecord", fields).toString("hex"), one.record);
  }
  for (const one of said.events) assert.equal(eventCommitment(raw(one.salt), raw(one.event)).toString("hex"), one.commitment);
});

test("keys that must not be used are refused", () => {
  const small = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"; // of order 8
  for (const key of ["01".padEnd(64, "0"), small, "02".padEnd(64, "0"), ""]) {
    assert.throws(() => new VerifyingKey("x", raw(key)), UnusableKeyError);
  }
  assert.throws(() => new SealingKey("x", Buffer.alloc(1216)), UnusableKeyError);
  assert.throws(() => new SealingKey("x", Buffer.alloc(32)), UnusableKeyError);
  assert.equal(keyId(raw(recipient("tax-480011").hpke_public_key)), recipient("tax-480011").hpke_key_id);
});

test("times go to protobuf and back", () => {
  for (const at of [0, 1_790_000_000_123, -1]) assert.equal(millis(timestamp(at)), at);
});
