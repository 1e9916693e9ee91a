import { join } from 'node:path';
import { Decoder, DecoderOptions, Mnemonic, OpKind, Register } from 'iced-x86';
import { describe, expect, test } from 'vitest';
import { type ElfFile, readElf } from './elf-file.ts';
import { guestDir, isSchemeGuest, isUnprotected, readManifest } from './guest-files.ts';

const signature = 0x53053053;
/** The opcode and ModRM of `ud1 signature(%rip), %edi`. */
const signaturePrefix = Buffer.from([0x0f, 0xb9, 0x3d]);
/** `mov %rax, %fs:0x28`, the store to rseq_cs. */
const armBytes = Buffer.from([0x64, 0x48, 0x89, 0x04, 0x25, 0x28, 0, 0, 0]);

const cpuIdOffset = 0x24;

interface Descriptor {
  readonly version: number;
  readonly flags: number;
  readonly start: number;
  readonly postCommit: number;
  readonly abort: number;
}

const manifest = await readManifest();
const guests = manifest.guests.filter((guest) => !isSchemeGuest(guest));

function bytesAt(elf: ElfFile, address: number, length: number): Buffer {
  const section = elf.sections.find(
    (one) => address >= one.address && address + length <= one.address + one.content.length,
  );
  if (section === undefined) {
    throw new Error(`nothing at 0x${address.toString(16)}`);
  }
  const start = address - section.address;
  return section.content.subarray(start, start + length);
}

function readDescriptors(elf: ElfFile): readonly Descriptor[] {
  const pointers = elf.sections.find(({ name }) => name === '__rseq_cs_ptr_array')?.content;
  return Array.from({ length: (pointers?.length ?? 0) / 8 }, (_, index) => {
    const bytes = bytesAt(elf, Number(pointers?.readBigUInt64LE(index * 8)), 32);
    const start = Number(bytes.readBigUInt64LE(8));
    return {
      version: bytes.readUInt32LE(0),
      flags: bytes.readUInt32LE(4),
      start,
      postCommit: start + Number(bytes.readBigUInt64LE(16)),
      abort: Number(bytes.readBigUInt64LE(24)),
    };
  });
}

function disassemble(elf: ElfFile, start: number, end: number) {
  const decoder = new Decoder(64, bytesAt(elf, start, end - start), DecoderOptions.None);
  decoder.ip = BigInt(start);
  const instructions = [];
  while (decoder.canDecode) {
    instructions.push(decoder.decode());
  }
  return instructions;
}

describe.each(guests.map((guest) => [guest.name, guest] as const))('%s', (_, guest) => {
  test('has sections of the mainline shape', async () => {
    const elf = await readElf(join(guestDir, guest.files.elf.path));
    const descriptors = readDescriptors(elf);
    const failure = elf.sections.find(({ name }) => name === '__rseq_failure');
    expect(descriptors.length).toBeGreaterThan(0);
    for (const { version, flags, start, postCommit, abort } of descriptors) {
      expect([version, flags]).toEqual([0, 0]);
      expect(postCommit).toBeGreaterThan(start);
      expect(failure?.address).toBeLessThan(abort);
      expect(bytesAt(elf, abort - 4, 4).readUInt32LE()).toBe(signature);
      expect(bytesAt(elf, abort - 7, 3)).toEqual(signaturePrefix);
    }
  });

  test('arms a section right before its first instruction, unless built not to', async () => {
    const elf = await readElf(join(guestDir, guest.files.elf.path));
    for (const { start } of readDescriptors(elf)) {
      const before = bytesAt(elf, start - armBytes.length, armBytes.length);
      expect(before.equals(armBytes)).toBe(!isUnprotected(guest));
    }
  });

  test('compares the CPU first and ends with one store that commits', async () => {
    const elf = await readElf(join(guestDir, guest.files.elf.path));
    for (const { start, postCommit } of readDescriptors(elf)) {
      const instructions = disassemble(elf, start, postCommit);
      const first = instructions.at(0);
      expect(first?.mnemonic).toBe(Mnemonic.Cmp);
      expect(first?.memorySegment).toBe(Register.FS);
      expect(first?.memoryDisplacement).toBe(BigInt(cpuIdOffset));
      const last = instructions.at(-1);
      expect(last?.mnemonic).toBe(Mnemonic.Mov);
      expect(last?.op0Kind).toBe(OpKind.Memory);
      expect(last?.nextIP).toBe(BigInt(postCommit));
    }
  });
});
