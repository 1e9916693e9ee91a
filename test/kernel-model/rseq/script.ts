import { PAGE_SIZE, toGuestAddress } from '../../../kernel-model/hardware/address.ts';
import { TestMachine } from '../harness.ts';
import { mapArena } from './arena.ts';

/** A step of a script that the kernel of this machine and the model both can carry out. */
export type Step =
  | { readonly kind: 'poke'; readonly address: number; readonly value: bigint }
  | { readonly kind: 'poke4'; readonly address: number; readonly value: number }
  | { readonly kind: 'peek' | 'peek4'; readonly address: number }
  /** A system call of the task, from outside of all code of the arena. */
  | { readonly kind: 'call'; readonly number: number; readonly args: readonly (number | bigint)[] }
  /** The task is rescheduled with this as its next instruction, and takes one step. */
  | { readonly kind: 'resume'; readonly address: bigint };

export const SYS_RSEQ = 334;
export const SYS_MPROTECT = 10;

const CALL_SITE = 0x40_0000;
const RSEQ_SIGSEGV = 'signal 11 128 0';

/** The form in which rseq-judge.c reads a step. */
export function stepToString(step: Step): string {
  switch (step.kind) {
    case 'poke':
    case 'poke4':
      return `${step.kind} ${step.address} ${step.value}`;
    case 'peek':
    case 'peek4':
      return `${step.kind} ${step.address}`;
    case 'call':
      return `call ${step.number} ${step.args.map((arg) => BigInt.asUintN(64, BigInt(arg))).join(' ')}`;
    case 'resume':
      return `resume ${step.address}`;
  }
}

/** Carries a script out on the model; a line for each step that prints one, as rseq-judge.c does. */
export class ScriptModel {
  readonly machine = new TestMachine({ vcpus: 1 });

  constructor() {
    mapArena(this.machine.space);
  }

  run(steps: readonly Step[]): string[] {
    return steps.flatMap((step) => {
      const line = this.#carryOut(step);
      return line === undefined ? [] : [line];
    });
  }

  #carryOut(step: Step): string | undefined {
    const { memory } = this.machine;
    switch (step.kind) {
      case 'poke':
        this.#store(step.address, step.value, 8);
        return undefined;
      case 'poke4':
        this.#store(step.address, BigInt(step.value), 4);
        return undefined;
      case 'peek':
        return `0x${memory.readU64(step.address)?.toString(16)}`.replace(/^0x0$/, '0');
      case 'peek4':
        return `0x${memory.readU32(step.address)?.toString(16)}`.replace(/^0x0$/, '0');
      case 'call':
        return this.#call(step.number, step.args);
      case 'resume':
        return this.#resume(step.address);
    }
  }

  /** Writes through page protections, byte by byte; what cannot be read has no content. */
  #store(address: number, value: bigint, sizeBytes: number): void {
    const { space } = this.machine;
    for (let i = 0; i < sizeBytes; i++) {
      const offset = space.translate(address + i, false);
      if (offset < 0) continue;
      space.memory.bytes[offset] = Number((value >> BigInt(8 * i)) & 0xffn);
      space.memory.markDirty(Math.floor(offset / PAGE_SIZE));
    }
  }

  #call(number: number, args: readonly (number | bigint)[]): string {
    const segfault = this.#reschedule(CALL_SITE);
    if (segfault !== undefined) return segfault;
    return this.#survive(() => {
      this.machine.syscall(1, number, args);
      return String(this.machine.result(1));
    });
  }

  #resume(address: bigint): string {
    const segfault = this.#reschedule(Number(address));
    const { instructionPointer } = this.machine.registers(1);
    const at = `0x${instructionPointer.toString(16)}`;
    if (segfault !== undefined) return `${at} ${segfault}`;
    const word = toGuestAddress(BigInt(instructionPointer));
    const fault = this.machine.space.resolveFault(word ?? 0, 'fetch');
    if (fault === undefined) return at;
    return `${at} signal 11 ${fault === 'maperr' ? 1 : 2} ${at}`;
  }

  #reschedule(address: number): string | undefined {
    this.machine.registers(1).instructionPointer = address;
    return this.#survive(() => {
      this.machine.kernel.switchTo(0, 1);
      return undefined;
    });
  }

  /** Does what may kill the task, and lets it live on: the judge does not deliver signals either. */
  #survive<T>(action: () => T): T | string {
    const { kernel } = this.machine;
    const before = structuredClone(kernel.state);
    const result = action();
    if (this.machine.task(1).state.kind !== 'dead') return result;
    const { ending } = kernel.processOf(this.machine.task(1));
    const events = this.machine.task(1).rseqEvents;
    kernel.state = before;
    this.machine.task(1).rseqEvents = events;
    if (ending?.kind !== 'signal') throw new Error('the task was killed');
    const segfault = `signal ${ending.signal} ${ending.code} ${ending.address}`;
    if (segfault !== RSEQ_SIGSEGV) throw new Error(`unexpected ${segfault}`);
    return segfault;
  }
}
