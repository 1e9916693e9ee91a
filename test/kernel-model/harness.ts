import { syscallName } from '../../kernel-model/abi/syscall-numbers.ts';
import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { REGISTER_FILE, registerFileIndex } from '../../kernel-model/hardware/register-file.ts';
import {
  GENERAL_REGISTERS,
  type RegisterName,
  type TaskRegisters,
} from '../../kernel-model/hardware/registers.ts';
import { Kernel, type SyscallOutcome } from '../../kernel-model/kernel.ts';
import type { KernelHost, KernelState } from '../../kernel-model/kernel-state.ts';
import { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { PROT_NONE, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ChoicePoint, Chooser } from '../../kernel-model/sched/decision.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { Task, TaskId, VcpuId } from '../../kernel-model/task/task.ts';

const DEFAULT_RAM_BYTES = 32 << 20;
const HIGHEST_NUMBER = 471;
const ARGUMENT_REGISTERS: readonly RegisterName[] = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'];

/** Guest memory of every test: three pages that differ in access, and nothing behind them. */
export const READ_WRITE = 0x1000_0000;
export const READ_ONLY = READ_WRITE + PAGE_SIZE;
export const NO_ACCESS = READ_ONLY + PAGE_SIZE;
export const HOLE = NO_ACCESS + PAGE_SIZE;
/** A heap of no length yet. */
export const HEAP = 0x2000_0000;

/** CLONE_VM, FS, FILES, SIGHAND, THREAD and SYSVSEM: what thread libraries ask for. */
export const THREAD_FLAGS = 0x5_0f00;

const NAMES: readonly RegisterName[] = [...GENERAL_REGISTERS, 'rflags', 'fs_base', 'gs_base'];

/** Registers in plain variables. */
class FakeRegisters implements TaskRegisters {
  instructionPointer = 0x40_0000;
  readonly #values: Map<RegisterName, bigint>;

  constructor(values: Iterable<[RegisterName, bigint]> = []) {
    this.#values = new Map(values);
  }

  read(register: RegisterName): bigint {
    return this.#values.get(register) ?? 0n;
  }

  write(register: RegisterName, value: bigint): void {
    this.#values.set(register, BigInt.asUintN(64, value));
  }

  readFile(file: BigUint64Array): void {
    file.fill(0n);
    for (const [name, value] of this.#values) file[registerFileIndex(name)] = value;
    file[REGISTER_FILE.rip] = BigInt(this.instructionPointer);
  }

  writeFile(file: BigUint64Array): void {
    for (const name of NAMES) this.write(name, file[registerFileIndex(name)] ?? 0n);
    this.instructionPointer = Number(file[REGISTER_FILE.rip]);
  }

  copy(): FakeRegisters {
    const copy = new FakeRegisters(this.#values);
    copy.instructionPointer = this.instructionPointer;
    return copy;
  }
}

export interface TestMachineOptions {
  readonly vcpus?: number;
  readonly seed?: number;
  /** linux-6.18 if left out. */
  readonly profile?: KernelProfile;
  readonly ramBytes?: number;
  /** Answers choice points; the first candidate if left out. */
  readonly choose?: Chooser;
}

/** A kernel over plain arrays, with task 1 running on vCPU 0 and no engine at all. */
export class TestMachine {
  readonly kernel: Kernel;
  readonly space: AddressSpace;
  readonly memory: UserMemory;
  /** What was written to file descriptors 1 and 2. */
  readonly output: { descriptor: 1 | 2; text: string }[] = [];
  /** The choice points that came up. */
  readonly choices: ChoicePoint[] = [];
  readonly destroyed: TaskId[] = [];
  readonly abortedTasks: TaskId[] = [];
  readonly #spaces: AddressSpace[] = [];
  readonly #registers: FakeRegisters[] = [new FakeRegisters()];

  constructor(options: TestMachineOptions = {}) {
    const ram = new ArrayBuffer(options.ramBytes ?? DEFAULT_RAM_BYTES);
    this.space = new AddressSpace(new PhysicalMemory(ram, Infinity));
    this.#spaces.push(this.space);
    this.memory = new UserMemory(this.space);
    this.#mapArena();
    const choose: Chooser = (point) => {
      this.choices.push(point);
      return options.choose?.(point) ?? 0;
    };
    const { vcpus = 2, seed = 1, profile = LINUX_6_18 } = options;
    this.kernel = new Kernel(profile, this.#host(), choose, { vcpus, seed });
    this.kernel.createFirstTask();
    this.kernel.switchTo(0, 1);
  }

  get state(): KernelState {
    return this.kernel.state;
  }

  registers(id: TaskId): TaskRegisters {
    const registers = this.#registers[id - 1];
    assert(registers !== undefined, `task ${id} has registers`);
    return registers;
  }

  task(id: TaskId): Task {
    return taskOf(this.state, id);
  }

  /** What a task's last system call returned; errnos are negative. */
  result(id: TaskId): number {
    return Number(BigInt.asIntN(64, this.registers(id).read('rax')));
  }

  /** A system call of a running task, by name or number. */
  syscall(
    id: TaskId,
    call: string | number,
    args: readonly (number | bigint)[] = [],
  ): SyscallOutcome {
    const task = this.task(id);
    assert(task.state.kind === 'running', `task ${id} runs`);
    const registers = this.registers(id);
    registers.write('rax', BigInt(typeof call === 'number' ? call : numberOf(call)));
    ARGUMENT_REGISTERS.forEach((register, i) => {
      registers.write(register, BigInt(args[i] ?? 0));
    });
    return this.kernel.syscall(task);
  }

  /** The result of a modelled system call that neither blocks nor ends the task. */
  call(name: string | number, args: readonly (number | bigint)[] = [], id: TaskId = 1): number {
    const outcome = this.syscall(id, name, args);
    assert(outcome.kind !== 'unsupported', `${name} is supported`);
    const { kind } = this.task(id).state;
    assert(kind === 'running' || kind === 'ready', `${name} returned, the task is ${kind}`);
    return this.result(id);
  }

  /** A system call that must block. */
  block(name: string, args: readonly (number | bigint)[], id: TaskId = 1): void {
    this.syscall(id, name, args);
    const { kind } = this.task(id).state;
    assert(kind === 'blocked', `${name} blocked, the task is ${kind}`);
  }

  /** Creates a thread and lets it run on a vCPU; returns its id. */
  startThread(vcpu: VcpuId, parent: TaskId = 1): TaskId {
    this.call('clone', [THREAD_FLAGS], parent);
    const child = this.state.tasks.length;
    this.run(child, vcpu);
    return child;
  }

  /** Puts a ready task on a vCPU, in place of the one that runs there. */
  run(id: TaskId, vcpu: VcpuId): void {
    if (this.task(id).vcpu !== vcpu) this.kernel.migrate(id, vcpu);
    this.kernel.switchTo(vcpu, id);
  }

  /** Lets time pass up to the next timer and wakes whom it concerns. */
  passTime(): void {
    this.state.now = Math.max(this.state.now, this.kernel.nextTimer());
    this.kernel.expireTimers();
  }

  #mapArena(): void {
    const access = { [READ_WRITE]: PROT_READ | PROT_WRITE, [READ_ONLY]: PROT_READ };
    for (const start of [READ_WRITE, READ_ONLY, NO_ACCESS]) {
      const protection = access[start] ?? PROT_NONE;
      const end = start + PAGE_SIZE;
      this.space.map({ start, end, protection, shared: false, name: '[test]' });
    }
    this.space.breakStart = HEAP;
    this.space.breakEnd = HEAP;
  }

  #host(): KernelHost {
    return {
      spaces: this.#spaces,
      forkSpace: (index) => {
        const space = this.#spaces[index];
        assert(space !== undefined, 'the parent has an address space');
        return this.#spaces.push(space.fork()) - 1;
      },
      registers: (id) => this.registers(id),
      createTask: (id, parent) => {
        const copied = this.#registers[parent - 1];
        assert(copied !== undefined, 'the parent has registers');
        this.#registers[id - 1] = copied.copy();
      },
      destroyTask: (id) => this.destroyed.push(id),
      output: (descriptor, bytes) => {
        this.output.push({ descriptor, text: new TextDecoder('latin1').decode(bytes) });
      },
      sectionAborted: (task) => this.abortedTasks.push(task.id),
      rseqRejected: () => undefined,
    };
  }
}

function numberOf(name: string): number {
  for (let number = 0; number <= HIGHEST_NUMBER; number++) {
    if (syscallName(number) === name) return number;
  }
  throw new Error(`there is no system call ${name}`);
}
