/**
 * The contracts, read from the .proto files that `warifu protos export protos` wrote.
 *
 * What is hashed or signed is parsed here and not by gRPC: fields that the contract does not know make it invalid (PROTO-1.8), and what we
 * serialise ourselves has its fields in the order of their numbers and none that only says its default (PROTO-6.6).
 */
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

/** Where package.json lies: this file is dist/src/contracts.js. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Bytes that are not the message they should be. */
export class FormError extends Error {}

const SHOWN = { longs: Number, enums: Number, defaults: true, arrays: true } as const;

export class Contracts {
  readonly root: protobuf.Root;
  private readonly services: grpc.GrpcObject;

  constructor(folder: string) {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".proto"));
    const options = { keepCase: true, includeDirs: [folder] };
    this.services = grpc.loadPackageDefinition(loadSync(files, { ...options, ...SHOWN }));
    this.root = new protobuf.Root();
    const bundled = this.root.resolvePath.bind(this.root);
    this.root.resolvePath = (origin, target) =>
      target.startsWith("google/protobuf/") ? bundled(origin, target) : join(folder, target);
    this.root.loadSync(files, { keepCase: true }).resolveAll();
  }

  /** A service by its full name: the class of its clients, with its definition. */
  service(name: string): grpc.ServiceClientConstructor {
    let found: unknown = this.services;
    for (const step of name.split(".")) found = (found as Record<string, unknown>)[step];
    return found as grpc.ServiceClientConstructor;
  }

  /** The message in bytes that others made; every unset field has its default, optional ones and messages are absent. */
  decode<T>(name: string, bytes: Uint8Array): T {
    const type = this.root.lookupType(name);
    try {
      checkKnown(type, bytes);
      return type.toObject(type.decode(bytes), SHOWN) as T;
    } catch (error) {
      if (error instanceof FormError) throw error;
      throw new FormError(`not a ${name}`);
    }
  }

  /** A message as it is hashed, signed or sealed. */
  encode(name: string, value: object): Buffer {
    const type = this.root.lookupType(name);
    return Buffer.from(type.encode(type.fromObject(pruned(type, value as Record<string, unknown>))).finish());
  }
}

let loaded: Contracts | undefined;

/** The contracts in $WARIFU_PROTOS, or in the folder `protos` beside package.json. */
export function contracts(): Contracts {
  loaded ??= new Contracts(process.env["WARIFU_PROTOS"] ?? join(packageRoot, "protos"));
  return loaded;
}

const BYTES = 2;

/** Refuse fields that the contract does not know, at any depth, and texts that are not UTF-8. */
function checkKnown(type: protobuf.Type, bytes: Uint8Array): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = type.fieldsById[tag >>> 3];
    if (field === undefined || !fits(field, tag & 7)) throw new FormError(`${type.name}: unknown field ${tag >>> 3}`);
    if ((tag & 7) !== BYTES) reader.skipType(tag & 7);
    else checkPart(field, reader.bytes());
  }
}

function checkPart(field: protobuf.Field, part: Uint8Array): void {
  if (field.resolvedType instanceof protobuf.Type) checkKnown(field.resolvedType, part);
  else if (field.type === "string") new TextDecoder("utf-8", { fatal: true }).decode(part);
}

function fits(field: protobuf.Field, wire: number): boolean {
  const plain = field.resolvedType instanceof protobuf.Type ? BYTES : ((protobuf.types.basic as Record<string, number>)[field.type] ?? 0);
  return wire === plain || (field.repeated && wire === BYTES && plain !== BYTES);
}

/** The value without what only says its default; a name that is no field is a mistake of ours. */
function pruned(type: protobuf.Type, value: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, content] of Object.entries(value)) {
    const field = type.fields[name];
    if (field === undefined) throw new Error(`${type.name} has no field ${name}`);
    if (content === undefined || content === null) continue;
    const inner = field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
    const one = (part: unknown): unknown => (inner ? pruned(inner, part as Record<string, unknown>) : part);
    if (field.repeated) kept[name] = (content as unknown[]).map(one);
    else if (inner !== undefined || field.partOf !== null || !saysDefault(field, content)) kept[name] = one(content);
  }
  return kept;
}

function saysDefault(field: protobuf.Field, content: unknown): boolean {
  if (field.resolvedType instanceof protobuf.Enum && typeof content === "string") return field.resolvedType.values[content] === 0;
  return content instanceof Uint8Array ? content.length === 0 : !content;
}
