import { describe, expect, test } from 'vitest';
import { CLOCK, REALTIME_EPOCH_SECONDS, TIMER_ABSTIME } from '../../../kernel-model/abi/time.ts';
import { READ_WRITE, TestMachine } from '../harness.ts';

const TIME = READ_WRITE + 0x40;
const SECOND = 1_000_000_000;
const NOW = 3 * SECOND + 5_000_007;

function machineAt(now: number): TestMachine {
  const machine = new TestMachine();
  machine.state.now = now;
  return machine;
}

function readTime(machine: TestMachine): (bigint | undefined)[] {
  return [machine.memory.readU64(TIME), machine.memory.readU64(TIME + 8)];
}

function writeTime(machine: TestMachine, seconds: bigint, nanoseconds: bigint): void {
  machine.memory.writeU64(TIME, seconds);
  machine.memory.writeU64(TIME + 8, nanoseconds);
}

describe('clocks show virtual time, an instruction being a nanosecond', () => {
  test.each([
    ['REALTIME', REALTIME_EPOCH_SECONDS],
    ['REALTIME_COARSE', REALTIME_EPOCH_SECONDS],
    ['TAI', REALTIME_EPOCH_SECONDS],
    ['MONOTONIC', 0n],
    ['MONOTONIC_RAW', 0n],
    ['MONOTONIC_COARSE', 0n],
    ['BOOTTIME', 0n],
  ] as const)('%s', (name, epoch) => {
    const machine = machineAt(NOW);
    expect(machine.call('clock_gettime', [CLOCK[name], TIME])).toBe(0);
    expect(readTime(machine)).toEqual([epoch + 3n, 5_000_007n]);
  });

  test('gettimeofday in microseconds, time in seconds', () => {
    const machine = machineAt(NOW);
    machine.memory.writeU64(READ_WRITE, 7n);
    expect(machine.call('gettimeofday', [TIME, READ_WRITE])).toBe(0);
    expect(readTime(machine)).toEqual([REALTIME_EPOCH_SECONDS + 3n, 5000n]);
    expect(machine.memory.readU64(READ_WRITE)).toBe(0n);
    const seconds = Number(REALTIME_EPOCH_SECONDS) + 3;
    expect(machine.call('time', [0])).toBe(seconds);
    expect(machine.call('time', [READ_WRITE])).toBe(seconds);
    expect(machine.memory.readU64(READ_WRITE)).toBe(BigInt(seconds));
  });

  test('but none of CPU time', () => {
    const machine = new TestMachine();
    for (const clock of [CLOCK.PROCESS_CPUTIME_ID, CLOCK.THREAD_CPUTIME_ID, -2]) {
      expect(machine.syscall(1, 'clock_gettime', [clock, TIME]).kind).toBe('unsupported');
    }
  });
});

describe('a sleep', () => {
  test.each([
    ['nanosleep', [TIME, 0], 0n, NOW + 20],
    ['clock_nanosleep', [CLOCK.MONOTONIC, 0, TIME, 0], 0n, NOW + 20],
    ['clock_nanosleep', [CLOCK.MONOTONIC, TIMER_ABSTIME, TIME, 0], 4n, 4 * SECOND + 20],
    [
      'clock_nanosleep',
      [CLOCK.REALTIME, TIMER_ABSTIME, TIME, 0],
      REALTIME_EPOCH_SECONDS + 4n,
      4 * SECOND + 20,
    ],
    ['clock_nanosleep', [CLOCK.MONOTONIC, TIMER_ABSTIME, TIME, 0], 1n, NOW],
    ['nanosleep', [TIME, 0], 2n ** 40n, Number.POSITIVE_INFINITY],
  ] as const)('%s(%j) from %s s ends at its time', (call, args, seconds, deadline) => {
    const machine = machineAt(NOW);
    writeTime(machine, seconds, 20n);
    machine.block(call, args);
    expect(machine.kernel.nextTimer()).toBe(deadline);
  });

  test('of no length still gives the vCPU away', () => {
    const machine = machineAt(NOW);
    writeTime(machine, 0n, 0n);
    machine.block('nanosleep', [TIME, 0]);
    expect(machine.state.vcpus[0]?.current).toBe(0);
    machine.passTime();
    expect(machine.state.now).toBe(NOW);
    expect(machine.task(1).state.kind).toBe('ready');
    expect(machine.result(1)).toBe(0);
  });

  test('ends in the order of deadlines', () => {
    const machine = new TestMachine();
    const other = machine.startThread(1);
    writeTime(machine, 0n, 200n);
    machine.block('nanosleep', [TIME, 0]);
    writeTime(machine, 0n, 100n);
    machine.block('nanosleep', [TIME, 0], other);
    machine.passTime();
    expect([machine.state.now, machine.task(other).state.kind]).toEqual([100, 'ready']);
    expect(machine.task(1).state.kind).toBe('blocked');
    machine.passTime();
    expect([machine.state.now, machine.task(1).state.kind]).toEqual([200, 'ready']);
  });
});
