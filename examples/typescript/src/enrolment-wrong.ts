/** An enrolment that is wrong on purpose (requester-wrong.ts). */
import * as grpc from "@grpc/grpc-js";
import { sha256, utf8 } from "./bytes.js";
import { type Claims, Enrolment, type Enrolling, claimed } from "./enrolment.js";
import { Refusal } from "./errors.js";

export const ENROLMENT_SWITCHES = {
  acquisitionOfPerson: "makes the acquisition number of what names the person",
  leavesOutSex: "tells numbering three of the basic items",
  tellsGatewayNumber: "says beside the claim who the person is",
  enrolsTheRefused: "tells somebody as enrolled whom numbering or the gateway refused",
  enrolledTooSoon: "tells somebody as enrolled while the gateway is away",
  trimsCodes: "cuts zeros off the end of a code",
  keepsSuperseded: "goes on using codes that were superseded",
  forgetsAllCodes: "forgets all codes when one is superseded that it does not hold",
} as const;

export type EnrolmentSwitch = keyof typeof ENROLMENT_SWITCHES;

export const enrolmentOf = (wrong: ReadonlySet<string>): typeof Enrolment =>
  class extends Enrolment {
    private is(name: EnrolmentSwitch): boolean {
      return wrong.has(name);
    }

    override async enrol(person: Enrolling): Promise<void> {
      try {
        await super.enrol(person);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (!this.is(error.failure().retryable ? "enrolledTooSoon" : "enrolsTheRefused")) throw error;
      }
    }

    protected override acquisitionNumber(person: Enrolling): Buffer {
      if (!this.is("acquisitionOfPerson")) return super.acquisitionNumber(person);
      return sha256(utf8(person.individualNumber ?? JSON.stringify(person.basicItems))).subarray(0, 16);
    }

    protected override named(person: Enrolling): object {
      if (!this.is("leavesOutSex") || person.basicItems === undefined) return super.named(person);
      return super.named({ ...person, basicItems: { ...person.basicItems, sex: undefined } });
    }

    protected override async claim(number: Buffer, person: Enrolling): Promise<Buffer> {
      const code = await (this.is("enrolledTooSoon") ? this.claimOnce(number, person) : super.claim(number, person));
      return this.is("trimsCodes") ? trimmed(code) : code;
    }

    protected override async claimOnce(number: Buffer, person: Enrolling): Promise<Buffer> {
      if (!this.is("tellsGatewayNumber")) return super.claimOnce(number, person);
      const metadata = new grpc.Metadata();
      metadata.set("x-person", person.individualNumber ?? "");
      return claimed(await this.gateway.call<Claims>("Claim", { acquisition_numbers: [number] }, 10_000, metadata));
    }

    protected override drop(codes: string[]): void {
      const held = new Set(this.codes.values());
      if (this.is("forgetsAllCodes") && codes.some((code) => !held.has(code))) this.codes.clear();
      else if (!this.is("keepsSuperseded")) super.drop(codes);
    }
  };

const trimmed = (code: Buffer): Buffer => code.subarray(0, code.findLastIndex((byte) => byte !== 0) + 1);
