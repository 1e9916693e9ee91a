import { describe, expect, test } from 'vitest';
import { RSEQ_AREA, RSEQ_SLICE_CTRL } from '../../../kernel-model/abi/rseq.ts';
import { PROT_READ } from '../../../kernel-model/mm/mapping.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { ABORT, ArmedMachine, INSIDE } from './armed-task.ts';
import { SYS_RSEQ } from './script.ts';

const PR_SLICE = 79;
const [GET, SET] = [1, 2];
const [AVAILABLE, ENABLED] = [0x10, 0x20];
const REQUEST = 1;
const GRANTED = 0x100;
const SLICE_INSTRUCTIONS = 5000;
const BYTES = 64;
const UNREGISTER = 1;
const SIGNATURE = 0x5305_3053;
const [ENXIO, EFAULT_KILLED, EINVAL, ENOSYS, ENOTSUPP] = [-6, 'killed', -22, -38, -524];

/** Tasks 1 and 2 on vCPU 0, the first running in its section. */
function makeMachine(kernel = '7.0', flags = 2): ArmedMachine {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  const machine = new ArmedMachine({ vcpus: 1, profile });
  machine.call('clone', [0x5_0f00]);
  machine.register(1, BYTES, flags);
  machine.rearm(1);
  return machine;
}

function controlOf(machine: ArmedMachine): number | undefined {
  return machine.memory.readU32(machine.areaOf(1) + RSEQ_SLICE_CTRL);
}

function request(machine: ArmedMachine): void {
  machine.memory.writeU32(machine.areaOf(1) + RSEQ_SLICE_CTRL, REQUEST);
}

function prctl(machine: ArmedMachine, ...args: readonly number[]): number | string {
  machine.syscall(1, 'prctl', [PR_SLICE, ...args]);
  return machine.task(1).state.kind === 'dead' ? EFAULT_KILLED : machine.result(1);
}

describe('a slice that was asked for', () => {
  test('is granted instead of a switch: the task runs on, its section is not aborted', () => {
    const machine = makeMachine();
    request(machine);
    expect(machine.kernel.switchTo(0, 2)).toBe(false);
    expect(machine.state.vcpus[0]).toMatchObject({ current: 1, needResched: false });
    expect(controlOf(machine)).toBe(GRANTED);
    expect(machine.positionOf(1)).toBe(INSIDE);
    expect(machine.isArmed(1)).toBe(true);
    expect(machine.kernel.nextTimer()).toBe(machine.state.now + SLICE_INSTRUCTIONS);
  });

  test('keeps the reserved bits of its control word', () => {
    const machine = makeMachine();
    machine.memory.writeU32(machine.areaOf(1) + RSEQ_SLICE_CTRL, 0xabcd_0001);
    machine.kernel.switchTo(0, 2);
    expect(controlOf(machine)).toBe(0xabcd_0100);
  });

  test('is not granted a second time: the switch is made', () => {
    const machine = makeMachine();
    request(machine);
    machine.kernel.switchTo(0, 2);
    request(machine);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
    expect(controlOf(machine)).toBe(0);
    machine.kernel.switchTo(0, 1);
    expect(machine.positionOf(1)).toBe(ABORT);
  });

  test('ends when its time is over: the vCPU is to be rescheduled', () => {
    const machine = makeMachine();
    request(machine);
    machine.kernel.switchTo(0, 2);
    machine.state.now += SLICE_INSTRUCTIONS - 1;
    machine.kernel.expireTimers();
    expect(controlOf(machine)).toBe(GRANTED);
    machine.passTime();
    expect(controlOf(machine)).toBe(0);
    expect(machine.state.vcpus[0]?.needResched).toBe(true);
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
    request(machine);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
  });

  test('ends with rseq_slice_yield, which says so once', () => {
    const machine = makeMachine();
    request(machine);
    machine.kernel.switchTo(0, 2);
    expect(machine.syscall(1, 'rseq_slice_yield').kind).toBe('rescheduled');
    expect(machine.result(1)).toBe(1);
    expect(controlOf(machine)).toBe(0);
    expect(machine.state.vcpus[0]?.needResched).toBe(true);
    expect(machine.call('rseq_slice_yield')).toBe(0);
  });

  test('ends with any other system call, of which the yield then knows nothing', () => {
    const machine = makeMachine();
    request(machine);
    machine.kernel.switchTo(0, 2);
    expect(machine.syscall(1, 'getpid').kind).toBe('rescheduled');
    expect(machine.result(1)).toBe(100);
    expect(controlOf(machine)).toBe(0);
    expect(machine.call('rseq_slice_yield')).toBe(0);
  });

  test('is lost by moving to another vCPU', () => {
    const profile = findProfile('7.0');
    const machine = new ArmedMachine({ vcpus: 2, ...(profile && { profile }) });
    machine.call('clone', [0x5_0f00]);
    machine.register(1, BYTES, 2);
    request(machine);
    machine.kernel.switchTo(0, 2);
    machine.kernel.migrate(1, 1);
    machine.kernel.switchTo(1, 1);
    expect(controlOf(machine)).toBe(0);
    expect(machine.kernel.nextTimer()).toBe(Number.POSITIVE_INFINITY);
  });

  test('kills where the control word cannot be written', () => {
    const machine = makeMachine();
    request(machine);
    const page = machine.areaOf(1) - (machine.areaOf(1) % 4096);
    machine.space.protect(page, page + 4096, PROT_READ);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
    machine.kernel.switchTo(0, 1);
    expect(machine.kernel.processOf(machine.task(1)).ending).toMatchObject({ signal: 11 });
  });
});

describe('no slice is granted', () => {
  test.each([
    ['without a request', '7.0', 2, false],
    ['where it is not enabled', '7.0', 0, true],
    ['by a kernel before 7.0', '6.19', 0, true],
  ])('%s', (_, kernel, flags, asks) => {
    const machine = makeMachine(kernel, flags);
    if (asks) request(machine);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
    machine.kernel.switchTo(0, 1);
    expect(machine.positionOf(1)).toBe(ABORT);
  });

  test('to a task that has a signal to take', () => {
    const machine = makeMachine();
    request(machine);
    machine.task(1).hasSignalWork = true;
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
  });

  test('to a task that has its ids to be written: other work comes first', () => {
    const machine = makeMachine();
    request(machine);
    machine.task(1).notifyResume = true;
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
    expect(controlOf(machine)).toBe(0);
  });

  test('to one that asked while it was off its vCPU: a switch takes the request back', () => {
    const machine = makeMachine();
    machine.kernel.switchTo(0, 2);
    request(machine);
    machine.kernel.switchTo(0, 1);
    expect(controlOf(machine)).toBe(0);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
  });

  test('to a task that gives way in a system call', () => {
    const machine = makeMachine();
    request(machine);
    machine.syscall(1, 'sched_yield');
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
  });

  test('to a legacy area of 7.1, whose bytes from 28 on are its own', () => {
    const profile = findProfile('7.1');
    const machine = new ArmedMachine({ vcpus: 1, ...(profile && { profile }) });
    machine.call('clone', [0x5_0f00]);
    machine.register(1, 32, 2);
    request(machine);
    expect(machine.kernel.switchTo(0, 2)).toBe(true);
    machine.kernel.switchTo(0, 1);
    expect(controlOf(machine)).toBe(REQUEST);
  });
});

describe('prctl(PR_RSEQ_SLICE_EXTENSION)', () => {
  const flagsOf = (machine: ArmedMachine) =>
    machine.memory.readU32(machine.areaOf(1) + RSEQ_AREA.flags);

  test('turns the extension on and off, and tells', () => {
    const machine = makeMachine('7.0', 0);
    expect([prctl(machine, GET, 0), flagsOf(machine)]).toEqual([0, AVAILABLE]);
    expect([prctl(machine, SET, 1), flagsOf(machine)]).toEqual([0, AVAILABLE | ENABLED]);
    expect([prctl(machine, SET, 1), prctl(machine, GET, 0)]).toEqual([0, 1]);
    expect([prctl(machine, SET, 0), flagsOf(machine)]).toEqual([0, AVAILABLE]);
    expect(prctl(machine, GET, 0)).toBe(0);
  });

  test('is off again once the area is given up', () => {
    const machine = makeMachine();
    expect(prctl(machine, GET, 0)).toBe(1);
    machine.registers(1).instructionPointer = ABORT + 64;
    machine.call(SYS_RSEQ, [machine.areaOf(1), BYTES, UNREGISTER, SIGNATURE]);
    expect([prctl(machine, GET, 0), prctl(machine, SET, 1)]).toEqual([0, ENXIO]);
  });

  test('refuses what it does not know', () => {
    const machine = makeMachine();
    expect(prctl(machine, GET, 1)).toBe(EINVAL);
    expect(prctl(machine, SET, 2)).toBe(EINVAL);
    expect(prctl(machine, 3, 0)).toBe(EINVAL);
    expect(prctl(machine, GET, 0, 1)).toBe(EINVAL);
    expect(prctl(machine, GET, 0, 0, 1)).toBe(EINVAL);
    const older = makeMachine('6.19', 0);
    expect(prctl(older, GET, 0)).toBe(EINVAL);
    expect(older.call('rseq_slice_yield')).toBe(ENOSYS);
  });

  test('needs a registration, in 7.1 one of version 2', () => {
    const profile = findProfile('7.1');
    const machine = new ArmedMachine({ vcpus: 1, ...(profile && { profile }) });
    expect(prctl(machine, SET, 1)).toBe(ENXIO);
    machine.register(1, 32);
    expect(prctl(machine, SET, 1)).toBe(ENOTSUPP);
    expect(prctl(makeMachine('7.1', 0), SET, 1)).toBe(0);
  });

  test('kills a thread that changed the bits', () => {
    const machine = makeMachine();
    machine.memory.writeU32(machine.areaOf(1) + RSEQ_AREA.flags, AVAILABLE);
    expect(prctl(machine, SET, 0)).toBe(EFAULT_KILLED);
    const other = makeMachine('7.0', 0);
    other.memory.writeU32(other.areaOf(1) + RSEQ_AREA.flags, 0);
    // What is so already is not looked at.
    expect(prctl(other, SET, 0)).toBe(0);
    expect(prctl(other, SET, 1)).toBe(EFAULT_KILLED);
  });
});

test('the debug option kills a thread that changed its grant', () => {
  const machine = makeMachine('7.0+debug');
  machine.registers(1).instructionPointer = ABORT + 64;
  request(machine);
  machine.kernel.switchTo(0, 2);
  machine.memory.writeU32(machine.areaOf(1) + RSEQ_SLICE_CTRL, GRANTED | REQUEST);
  machine.syscall(1, 'getpid');
  expect(machine.task(1).state.kind).toBe('dead');
});
