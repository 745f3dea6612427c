/** What must hold before anything is looked up, permit by permit, in the protocol's order (PROTO-6.1). */
import type { KeyOf } from "./batch.js";
import { same } from "./bytes.js";
import { FormError, contracts } from "./contracts.js";
import type { Directory } from "./directory.js";
import { Refusal } from "./errors.js";
import { OpenError, type OwnKeys, type SealingKey, type VerifyingKey } from "./keys.js";
import { type Allowed, LawBook } from "./law.js";
import { type CheckedPermit, type SignedPermit, checkPermit, checkWindow } from "./permit.js";
import { QUERY, type SealedBlock, blockHash, open } from "./sealing.js";
import { dayOf } from "./times.js";
import type { Trust } from "./trust.js";

export interface ProvideRequest {
  provider: string;
  permits: SignedPermit[];
  queries: SealedBlock[];
}

export interface Query {
  header_hash: Buffer;
  fields: string[];
}

/** A permit that may be answered. */
export interface Question {
  checked: CheckedPermit;
  allowed: Allowed;
  fields: string[];
  recipient: SealingKey;
}

const QUERY_BLOCK = "warifu.exchange.v1.QueryBlock";

export class Admission {
  private readonly law: LawBook;
  /** What is in a block, which is opened once however many permits name it. */
  private readonly blocks = new WeakMap<SealedBlock, Promise<Query[]>>();

  constructor(
    protected readonly keys: OwnKeys,
    trust: Trust,
    protected readonly directory: Directory,
  ) {
    this.law = this.lawBook(trust);
  }

  protected lawBook(trust: Trust): LawBook {
    return new LawBook(trust);
  }

  /** Form, signature and audience of each permit. */
  async check(request: ProvideRequest): Promise<(CheckedPermit | Refusal)[]> {
    const keys = new Map<string, VerifyingKey | undefined>();
    for (const id of new Set(request.permits.map((one) => one.signature?.key_id ?? ""))) {
      keys.set(id, await this.directory.signingKey("gateway", id));
    }
    return request.permits.map((signed) => attempt(() => this.permit(signed, (id) => keys.get(id))));
  }

  protected permit(signed: SignedPermit, keyOf: KeyOf): CheckedPermit {
    return checkPermit(signed, { provider: this.keys.owner, keyOf });
  }

  /** All that must hold of a new permit before anything is looked up, in the protocol's order. */
  async question(request: ProvideRequest, checked: CheckedPermit): Promise<Question> {
    this.window(checked);
    const allowed = this.allowed(checked);
    const { fields } = await this.query(request, checked);
    return { checked, allowed, fields, recipient: await this.recipient(checked) };
  }

  protected window(checked: CheckedPermit): void {
    checkWindow(checked, Date.now());
  }

  /** The requester's key that the permit names. */
  async recipient({ header: { requester }, permit }: CheckedPermit): Promise<SealingKey> {
    const key = await this.directory.sealingKey(requester, permit.requester_key_id);
    if (key === undefined) throw new Refusal("CLIENT_DIRECTORY_ENTRY_UNKNOWN", { owner: requester });
    return key;
  }

  /** What the own law book says on the day of the exchange. */
  allowed({ header, exchangeTime, permit }: CheckedPermit): Allowed {
    return this.law.allows(header, dayOf(exchangeTime), permit.row);
  }

  /** The query that the permit names: of this header, in the block of that hash, at that place. */
  protected async query(request: ProvideRequest, { permit, headerHash }: CheckedPermit): Promise<Query> {
    const block = request.queries.find((one) => same(blockHash(one), permit.query_block_hash));
    if (block === undefined) throw new Refusal("CLIENT_QUERY_MISMATCH");
    const opened = this.blocks.get(block) ?? this.opened(block);
    this.blocks.set(block, opened);
    const query = (await opened)[permit.query_index];
    if (query === undefined || !same(query.header_hash, headerHash)) throw new Refusal("CLIENT_QUERY_MISMATCH");
    return query;
  }

  private async opened(block: SealedBlock): Promise<Query[]> {
    try {
      const { queries } = contracts().decode<{ queries: Query[] }>(QUERY_BLOCK, await open(QUERY, block, this.keys));
      if (this.isNamed(block, queries)) return queries;
    } catch (error) {
      if (!(error instanceof OpenError || error instanceof FormError)) throw error;
    }
    throw new Refusal("CLIENT_QUERY_UNREADABLE");
  }

  /** Does a block hold as many queries as it has leaves, each the one that its leaf names (PROTO-3.8). */
  protected isNamed({ leaves }: SealedBlock, queries: Query[]): boolean {
    return leaves.length === queries.length && leaves.every((leaf, at) => same(leaf, queries[at]?.header_hash ?? leaf.subarray(1)));
  }
}

function attempt(check: () => CheckedPermit): CheckedPermit | Refusal {
  try {
    return check();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
