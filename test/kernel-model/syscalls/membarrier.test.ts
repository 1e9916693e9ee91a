import { describe, expect, test } from 'vitest';
import { CLONE } from '../../../kernel-model/abi/clone.ts';
import { ERRNO } from '../../../kernel-model/abi/errno.ts';
import { MEMBARRIER, MEMBARRIER_CMD_FLAG_CPU } from '../../../kernel-model/abi/membarrier.ts';
import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { SIGNALS } from '../../../kernel-model/abi/signal.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { READ_WRITE, TestMachine } from '../harness.ts';

const SIGNATURE = 0x5305_3053;
const DESCRIPTOR = READ_WRITE + 0x100;
const SECTION = 0x50_0000;
const INSIDE = SECTION + 4;
const ABORT = SECTION + 0x40;
const ALL_RUNNING = 3;

/** Three tasks of a process, each inside a section on a vCPU of its own; a fourth vCPU is idle. */
function machineInSections(): TestMachine {
  const machine = new TestMachine({ vcpus: ALL_RUNNING + 1 });
  const protection = PROT_READ | PROT_WRITE;
  const end = SECTION + PAGE_SIZE;
  machine.space.map({ start: SECTION, end, protection, shared: false, name: '[test]' });
  machine.memory.writeU32(ABORT - 4, SIGNATURE);
  machine.memory.writeU64(DESCRIPTOR + RSEQ_CS.startIp, BigInt(SECTION));
  machine.memory.writeU64(DESCRIPTOR + RSEQ_CS.postCommitOffset, 16n);
  machine.memory.writeU64(DESCRIPTOR + RSEQ_CS.abortIp, BigInt(ABORT));
  machine.call('membarrier', [MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_RSEQ]);
  for (let id = 1; id <= ALL_RUNNING; id++) {
    if (id > 1) machine.startThread(id - 1);
    const area = READ_WRITE + 0x200 + id * 32;
    machine.call('rseq', [area, 32, 0, SIGNATURE], id);
    machine.memory.writeU64(area + RSEQ_AREA.rseqCs, BigInt(DESCRIPTOR));
    machine.registers(id).instructionPointer = INSIDE;
  }
  return machine;
}

function fence(machine: TestMachine, flags = 0, cpu = 0): number {
  return machine.call('membarrier', [MEMBARRIER.PRIVATE_EXPEDITED_RSEQ, flags, cpu]);
}

/** The tasks that were sent to their abort handler. */
function aborted(machine: TestMachine): number[] {
  for (const id of machine.abortedTasks) {
    expect(machine.registers(id).instructionPointer).toBe(ABORT);
  }
  return machine.abortedTasks.toSorted();
}

describe('an rseq barrier', () => {
  test('to all vCPUs interrupts every running task but the caller', () => {
    const machine = machineInSections();
    expect(fence(machine)).toBe(0);
    expect(aborted(machine)).toEqual([2, 3]);
    expect(machine.registers(1).instructionPointer).toBe(INSIDE);
  });

  test.each([
    ['another vCPU interrupts the task there', 1, [2]],
    ["the caller's own vCPU interrupts the caller", 0, [1]],
    ['an idle vCPU interrupts nobody', 3, []],
    ['a vCPU that does not exist interrupts nobody', 4, []],
    ['a negative number is one to all', -1, [2, 3]],
  ])('to %s', (_, cpu, expected) => {
    const machine = machineInSections();
    expect(fence(machine, MEMBARRIER_CMD_FLAG_CPU, cpu)).toBe(0);
    expect(aborted(machine)).toEqual(expected);
  });

  test('ignores the number of a vCPU without the flag', () => {
    const machine = machineInSections();
    expect(fence(machine, 0, 0)).toBe(0);
    expect(aborted(machine)).toEqual([2, 3]);
  });

  test('does nothing in a process of one thread, even to its own vCPU', () => {
    const machine = machineInSections();
    machine.syscall(2, 'exit', [0]);
    machine.syscall(3, 'exit', [0]);
    expect(fence(machine, MEMBARRIER_CMD_FLAG_CPU, 0)).toBe(0);
    expect(aborted(machine)).toEqual([]);
  });

  test('does not touch a task that is ready, which was switched out anyway', () => {
    const machine = machineInSections();
    machine.call('clone', [0x5_0f00]);
    machine.run(4, 2);
    machine.abortedTasks.length = 0;
    fence(machine);
    expect(aborted(machine)).toEqual([2]);
    expect(machine.registers(3).instructionPointer).toBe(INSIDE);
  });
});

test.each([
  MEMBARRIER.GLOBAL,
  MEMBARRIER.GLOBAL_EXPEDITED,
  MEMBARRIER.PRIVATE_EXPEDITED,
  MEMBARRIER.PRIVATE_EXPEDITED_SYNC_CORE,
])('the other barrier %i interrupts no section', (command) => {
  const machine = machineInSections();
  machine.call('membarrier', [MEMBARRIER.REGISTER_PRIVATE_EXPEDITED]);
  machine.call('membarrier', [MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE]);
  expect(machine.call('membarrier', [command])).toBe(0);
  expect(aborted(machine)).toEqual([]);
});

test('a registration is for the whole process', () => {
  const machine = new TestMachine();
  const other = machine.startThread(1);
  expect(machine.call('membarrier', [MEMBARRIER.PRIVATE_EXPEDITED], other)).toBe(-ERRNO.EPERM);
  machine.call('membarrier', [MEMBARRIER.REGISTER_PRIVATE_EXPEDITED]);
  expect(machine.call('membarrier', [MEMBARRIER.PRIVATE_EXPEDITED], other)).toBe(0);
});

test('a registration is for all processes that share the memory, and for copies made later', () => {
  const machine = new TestMachine({ vcpus: 4 });
  const start = (flags: bigint) => {
    machine.call('clone', [flags | BigInt(SIGNALS.SIGCHLD)]);
    const id = machine.state.tasks.length;
    machine.run(id, id - 1);
  };
  const shown = (id: number) => machine.call('membarrier', [MEMBARRIER.GET_REGISTRATIONS], id);
  start(CLONE.VM);
  start(0n);
  machine.call('membarrier', [MEMBARRIER.REGISTER_PRIVATE_EXPEDITED], 2);
  start(0n);
  expect([1, 2, 3, 4].map(shown)).toEqual([16, 16, 0, 16]);
});
