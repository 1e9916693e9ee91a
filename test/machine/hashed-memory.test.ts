import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import { boot, guest, openTestMachine } from './rig.ts';

const PAGE = 4096;
const FREE = 0x2000_0000;
const READ = 1;
const READ_WRITE = 3;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

beforeEach(() => {
  boot(machine, { program: guest('counter.elf', '2', '50'), tick: 11 });
  for (let i = 0; i < 20; i++) machine.step();
});

function spaceOf(): AddressSpace {
  const space = machine.kernel.host.spaces[0];
  if (space === undefined) throw new Error('a program has memory');
  return space;
}

function map(address: number, protection: number, name = 'test', shared = false): void {
  spaceOf().map({ start: address, end: address + 2 * PAGE, protection, shared, name });
}

describe('the state hash', () => {
  test('changes with what is mapped, how, and under which name', () => {
    const hashes = [machine.stateHash()];
    const changes = [
      () => map(FREE, READ_WRITE),
      () => map(FREE + PAGE, READ_WRITE),
      () => map(FREE, READ),
      () => map(FREE, READ, 'other'),
      () => map(FREE, READ, 'other', true),
      () => spaceOf().protect(FREE, FREE + PAGE, READ_WRITE),
      () => spaceOf().unmap(FREE, FREE + PAGE),
      () => {
        spaceOf().breakEnd += PAGE;
      },
    ];
    for (const change of changes) {
      change();
      expect(hashes).not.toContain(machine.stateHash());
      hashes.push(machine.stateHash());
    }
  });

  test('does not tell pages that were never touched from pages of zeros', () => {
    map(FREE, READ_WRITE);
    const before = machine.stateHash();
    const memory = new UserMemory(spaceOf());
    memory.readU32(FREE);
    expect(machine.stateHash()).toBe(before);
    memory.writeU32(FREE + PAGE, 1);
    expect(machine.stateHash()).not.toBe(before);
    memory.writeU32(FREE + PAGE, 0);
    expect(machine.stateHash()).toBe(before);
  });

  test('tells the same bytes at another place', () => {
    map(FREE, READ_WRITE);
    const memory = new UserMemory(spaceOf());
    memory.writeU32(FREE + 8, 1);
    const first = machine.stateHash();
    memory.writeU32(FREE + 8, 0);
    memory.writeU32(FREE + PAGE + 8, 1);
    expect(machine.stateHash()).not.toBe(first);
  });

  test('is that of the state at a snapshot after memory was reused and put back', () => {
    const snapshot = machine.snapshot();
    const before = machine.stateHash();
    map(FREE, READ_WRITE);
    new UserMemory(spaceOf()).write(FREE, new Uint8Array(2 * PAGE).fill(7));
    machine.stateHash();
    spaceOf().unmap(FREE, FREE + 2 * PAGE);
    map(FREE, READ_WRITE);
    machine.restore(snapshot);
    expect(machine.stateHash()).toBe(before);
  });

  test('does not change by looking at it, nor by a snapshot', () => {
    const before = machine.stateHash();
    for (const task of machine.kernel.state.tasks) machine.registerFile(task);
    machine.snapshot();
    expect(machine.stateHash()).toBe(before);
  });
});
