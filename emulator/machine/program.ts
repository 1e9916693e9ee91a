import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { AddressSpace, type AddressSpaceImage } from '../../kernel-model/mm/address-space.ts';
import { PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import {
  EMPTY_MEMORY,
  type MemoryImage,
  type MemoryImages,
} from '../../kernel-model/mm/memory-images.ts';
import {
  type AllocationImage,
  EMPTY_ALLOCATION,
  type PhysicalMemory,
} from '../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import { buildAuxv, buildInitialStack } from '../loader/stack.ts';
import { CPUID_1_EDX } from './cpuid.ts';

/** Stack as RLIMIT_STACK of 8 MiB bounds it, at the top of the address space. */
const STACK_TOP = 0x7fff_ffff_f000 - PAGE_SIZE;
const STACK_BYTES = 8 << 20;
const MINIMUM_SIGNAL_STACK_BYTES = 2048;

/** A program with its arguments, as execve takes them. */
export interface Program {
  readonly image: ProgramImage;
  /** Without argv[0], which is the base name of the image. */
  readonly args: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
}

/** A program as it was mapped, before its stack was written. */
interface MappedProgram {
  readonly sha256: string;
  readonly space: AddressSpace;
  readonly memory: MemoryImage;
  readonly allocation: AllocationImage;
  readonly mapped: AddressSpaceImage;
}

/** Maps programs into empty memory; the last one is put back as it was, its code still decoded. */
export class ProgramLoader {
  readonly #memory: PhysicalMemory;
  readonly #images: MemoryImages;
  #last: MappedProgram | undefined;

  constructor(memory: PhysicalMemory, images: MemoryImages) {
    this.#memory = memory;
    this.#images = images;
  }

  /** The program's address space, with all other memory empty. */
  load(image: ProgramImage): AddressSpace {
    if (this.#last?.sha256 === image.sha256) {
      const { space, memory, allocation, mapped } = this.#last;
      this.#images.restore(memory);
      this.#memory.restoreAllocation(allocation);
      space.restore(mapped);
      return space;
    }
    this.#images.restore(EMPTY_MEMORY);
    this.#memory.restoreAllocation(EMPTY_ALLOCATION);
    const space = mapProgram(this.#memory, image);
    this.#last = {
      sha256: image.sha256,
      space,
      memory: this.#images.take(),
      allocation: this.#memory.saveAllocation(),
      mapped: space.save(),
    };
    return space;
  }
}

/** Maps the segments, the heap and the stack of a program into a new address space. */
function mapProgram(memory: PhysicalMemory, image: ProgramImage): AddressSpace {
  const space = new AddressSpace(memory);
  for (const segment of image.segments) {
    const end = segment.address + segment.memorySize;
    const whole = { start: segment.address, end, shared: false, name: segment.name, isImage: true };
    space.map({ ...whole, protection: PROT_READ | PROT_WRITE });
    const written = new UserMemory(space).write(segment.address, segment.bytes);
    assert(written, 'a segment was mapped for writing');
    space.protect(segment.address, end, segment.protection);
  }
  space.breakStart = image.breakStart;
  space.breakEnd = image.breakStart;
  space.map({
    start: STACK_TOP - STACK_BYTES,
    end: STACK_TOP,
    protection: PROT_READ | PROT_WRITE,
    shared: false,
    name: '[stack]',
  });
  return space;
}

/** Writes the initial stack; returns the stack pointer. */
export function writeInitialStack(
  space: AddressSpace,
  program: Program,
  profile: KernelProfile,
  randomBytes: Uint8Array,
): number {
  const { image } = program;
  const stack = buildInitialStack({
    stackTop: STACK_TOP,
    argv: [image.baseName, ...program.args],
    envp: program.env,
    auxv: buildAuxv({
      image,
      hwcap: CPUID_1_EDX,
      hwcap2: 0,
      minimumSignalStackBytes: MINIMUM_SIGNAL_STACK_BYTES,
      rseq: profile.rseq.auxv,
    }),
    randomBytes,
    platform: 'x86_64',
    execFileName: image.baseName,
  });
  assert(new UserMemory(space).write(stack.address, stack.bytes), 'the stack is mapped');
  return stack.stackPointer;
}
