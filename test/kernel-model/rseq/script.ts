import { RT_SIGFRAME } from '../../../kernel-model/abi/sigframe.ts';
import { SA } from '../../../kernel-model/abi/signal.ts';
import { PAGE_SIZE, toGuestAddress } from '../../../kernel-model/hardware/address.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { NO_SIGNALS } from '../../../kernel-model/signal/signal-set.ts';
import { withAction } from '../../../kernel-model/signal/signal-state.ts';
import { READ_WRITE, TestMachine } from '../harness.ts';
import { CODE_END, mapArena } from './arena.ts';

/** A step of a script that the kernel of this machine and the model both can carry out. */
export type Step =
  | { readonly kind: 'poke'; readonly address: number; readonly value: bigint }
  | { readonly kind: 'poke4'; readonly address: number; readonly value: number }
  | { readonly kind: 'peek' | 'peek4'; readonly address: number }
  /** A system call of the task, from outside of all code of the arena. */
  | { readonly kind: 'call'; readonly number: number; readonly args: readonly (number | bigint)[] }
  /** The task is rescheduled with this as its next instruction, and takes one step. */
  | { readonly kind: 'resume'; readonly address: bigint }
  /** The same with a signal that has a handler: tells the instruction pointer of its frame. */
  | { readonly kind: 'deliver'; readonly address: bigint }
  /** The task may run only on this CPU from now on. */
  | { readonly kind: 'move'; readonly cpu: number }
  /** A new task, in memory as it was in the beginning. */
  | { readonly kind: 'reset' }
  /** Prints `--`. */
  | { readonly kind: 'next' };

export const SYS_RSEQ = 334;
export const SYS_MPROTECT = 10;

const CALL_SITE = 0x40_0000;
const RSEQ_SIGSEGV = 'signal 11 128 0';
const SIGUSR1 = 10;
const HANDLER = CODE_END - 32;
const STACK_TOP = READ_WRITE + PAGE_SIZE;
const CPUS = 2;
const RAM_BYTES = 1 << 20;

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
    case 'deliver':
      return `deliver ${step.address} ${SIGUSR1}`;
    case 'move':
      return `move ${step.cpu}`;
    case 'reset':
    case 'next':
      return step.kind;
  }
}

/** Carries a script out on the model; a line for each step that prints one, as rseq-judge.c does. */
export class ScriptModel {
  readonly #profile: KernelProfile;
  #machine: TestMachine;

  constructor(profile: KernelProfile = LINUX_6_18) {
    this.#profile = profile;
    this.#machine = this.#makeMachine();
  }

  #makeMachine(): TestMachine {
    const machine = new TestMachine({ vcpus: CPUS, ramBytes: RAM_BYTES, profile: this.#profile });
    mapArena(machine.space);
    const process = machine.kernel.processOf(machine.task(1));
    process.signals = withAction(process.signals, SIGUSR1, {
      handler: BigInt(HANDLER),
      flags: SA.NODEFER | SA.SIGINFO | SA.RESTORER,
      restorer: BigInt(HANDLER),
      mask: NO_SIGNALS,
    });
    return machine;
  }

  run(steps: readonly Step[]): string[] {
    return steps.flatMap((step) => {
      const line = this.#carryOut(step);
      return line === undefined ? [] : [line];
    });
  }

  #carryOut(step: Step): string | undefined {
    switch (step.kind) {
      case 'poke':
        this.#store(step.address, step.value, 8);
        return undefined;
      case 'poke4':
        this.#store(step.address, BigInt(step.value), 4);
        return undefined;
      case 'peek':
        return hex(this.#load(step.address, 8));
      case 'peek4':
        return hex(this.#load(step.address, 4));
      case 'call':
        return this.#call(step.number, step.args);
      case 'resume':
        return this.#resume(step.address);
      case 'deliver':
        return this.#deliver(step.address);
      case 'move':
        if (this.#machine.task(1).vcpu !== step.cpu) this.#machine.kernel.migrate(1, step.cpu);
        return undefined;
      case 'reset':
        this.#machine = this.#makeMachine();
        return undefined;
      case 'next':
        return '--';
    }
  }

  /** Writes through page protections, byte by byte; what cannot be read has no content. */
  #store(address: number, value: bigint, sizeBytes: number): void {
    const { space } = this.#machine;
    for (let i = 0; i < sizeBytes; i++) {
      const offset = space.translate(address + i, false);
      if (offset < 0) continue;
      space.memory.bytes[offset] = Number((value >> BigInt(8 * i)) & 0xffn);
      space.memory.markDirty(Math.floor(offset / PAGE_SIZE));
    }
  }

  /** Reads through page protections as well. */
  #load(address: number, sizeBytes: number): bigint {
    const { space } = this.#machine;
    let value = 0n;
    for (let i = 0; i < sizeBytes; i++) {
      const offset = space.translate(address + i, false);
      value |= BigInt(space.memory.bytes[offset] ?? 0) << BigInt(8 * i);
    }
    return value;
  }

  #call(number: number, args: readonly (number | bigint)[]): string {
    const segfault = this.#reschedule(CALL_SITE);
    if (segfault !== undefined) return segfault;
    this.#survive(() => this.#machine.syscall(1, number, args));
    // The judge stops its task before the work at the return, which the next step makes up for.
    return String(this.#machine.result(1));
  }

  #resume(address: bigint): string {
    const segfault = this.#reschedule(Number(address));
    const { instructionPointer } = this.#machine.registers(1);
    const at = `0x${instructionPointer.toString(16)}`;
    if (segfault !== undefined) return `${at} ${segfault}`;
    const word = toGuestAddress(BigInt(instructionPointer));
    const fault = this.#machine.space.resolveFault(word ?? 0, 'fetch');
    if (fault === undefined) return at;
    return `${at} signal 11 ${fault === 'maperr' ? 1 : 2} ${at}`;
  }

  /** Its frame lies on the page that is for reading and writing. */
  #deliver(address: bigint): string {
    const { kernel } = this.#machine;
    const registers = this.#machine.registers(1);
    registers.instructionPointer = Number(address);
    registers.write('rsp', BigInt(STACK_TOP));
    const segfault = this.#survive(() => {
      kernel.signal(1, SIGUSR1);
      const { state, vcpu } = this.#machine.task(1);
      if (state.kind === 'ready') kernel.switchTo(vcpu, 1);
      return undefined;
    });
    const frame = Number(registers.read('rsp'));
    const saved = `handler ${hex(this.#load(frame + RT_SIGFRAME.instructionPointer, 8))}`;
    // It stops at the handler, and is outside of any section when the kernel looks again.
    this.#reschedule(HANDLER);
    return segfault === undefined ? saved : `${saved} ${segfault}`;
  }

  #reschedule(address: number): string | undefined {
    this.#machine.registers(1).instructionPointer = address;
    return this.#survive(() => {
      this.#machine.kernel.switchTo(this.#machine.task(1).vcpu, 1);
      return undefined;
    });
  }

  /** Does what may kill the task, and lets it live on: the judge does not deliver signals either. */
  #survive<T>(action: () => T): T | string {
    const { kernel } = this.#machine;
    const before = structuredClone(kernel.state);
    const result = action();
    if (this.#machine.task(1).state.kind !== 'dead') return result;
    const { ending } = kernel.processOf(this.#machine.task(1));
    const { rseqEvents, rseq } = this.#machine.task(1);
    kernel.state = before;
    Object.assign(this.#machine.task(1), { rseqEvents, rseq });
    if (ending?.kind !== 'signal') throw new Error('the task was killed');
    const segfault = `signal ${ending.signal} ${ending.code} ${ending.address}`;
    if (segfault !== RSEQ_SIGSEGV) throw new Error(`unexpected ${segfault}`);
    return segfault;
  }
}

/** As printf's %#x. */
export function hex(value: number | bigint): string {
  return BigInt(value) === 0n ? '0' : `0x${value.toString(16)}`;
}
