import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PageHashes } from '../../emulator/machine/page-hashes.ts';
import { StateHasher } from '../../emulator/machine/state-hash.ts';
import {
  REGISTER_FILE,
  REGISTER_FILE_NAMES,
  REGISTER_FILE_WORDS,
} from '../../kernel-model/hardware/register-file.ts';
import type { KernelState } from '../../kernel-model/kernel-state.ts';
import { changedLeaf, leavesOf } from '../support/changed-leaf.ts';
import { bootGuest } from '../support/guest-runs.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const PAGE = 4096;
const STEPS = 60;

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
  bootGuest(machine, { guest: 'counter.bin', args: ['3', '50'], tick: 13 });
  for (let i = 0; i < STEPS; i++) machine.step();
});

/**
 * Bits that are no free register state: reserved bits of rflags and the ones Linux fixes, reserved
 * and exponent-free parts of the 80-bit registers, mxcsr and x87 words beyond their width.
 */
const FREE_BITS: Readonly<Record<number, bigint>> = {
  [REGISTER_FILE.rip]: 0x7fff_ffff_ffffn,
  [REGISTER_FILE.rflags]: 0x24_0cd5n,
  [REGISTER_FILE.fsBase]: 0x7fff_ffff_ffffn,
  [REGISTER_FILE.gsBase]: 0x7fff_ffff_ffffn,
  [REGISTER_FILE.mxcsr]: 0xffbfn,
  [REGISTER_FILE.fpControl]: 0x0f3fn,
  // Busy mirrors the error summary; writing the stack top renames registers.
  [REGISTER_FILE.fpStatus]: 0x4700n,
  [REGISTER_FILE.fpTag]: 0n,
};

function freeBits(word: number): bigint {
  const isExponent = word >= REGISTER_FILE.st && (word - REGISTER_FILE.st) % 2 === 1;
  return isExponent ? 0xffffn : (FREE_BITS[word] ?? 0xffff_ffff_ffff_ffffn);
}

describe('the state hash', () => {
  it('changes with any bit of any register of any task', () => {
    const before = machine.stateHash();
    for (const task of machine.kernel.state.tasks) {
      const { cpu } = machine.slotOf(task.id);
      const file = new BigUint64Array(REGISTER_FILE_WORDS);
      cpu.readRegisterFile(file);
      const live = machine.registerFile(task);
      for (let word = 0; word < REGISTER_FILE_WORDS; word++) {
        for (let bit = 0n; bit < 64n; bit += word === REGISTER_FILE.rflags ? 1n : 5n) {
          const mask = 1n << bit;
          if ((freeBits(word) & mask) === 0n) continue;
          const flipped = file.slice();
          flipped[word] = (file[word] ?? 0n) ^ mask;
          cpu.writeRegisterFile(flipped);
          const isDeadFlag =
            word === REGISTER_FILE.rflags &&
            ((machine.registerFile(task)[word] ?? 0n) ^ (live[word] ?? 0n)) === 0n;
          const what = `${REGISTER_FILE_NAMES[word]} bit ${bit} of task ${task.id}`;
          if (!isDeadFlag) expect(machine.stateHash(), what).not.toBe(before);
        }
        cpu.writeRegisterFile(file);
      }
    }
    expect(machine.stateHash()).toBe(before);
  });

  it('changes with any byte of any mapped page', () => {
    const before = machine.stateHash();
    const space = machine.kernel.host.spaces[0];
    let pages = 0;
    space?.forEachPage((_address, frame) => {
      if (pages++ % 97 !== 0 && machine.memory.bytes[frame * PAGE] === 0) return;
      for (const offset of [0, 1, 777, PAGE - 1]) {
        const at = frame * PAGE + offset;
        machine.memory.bytes[at] = (machine.memory.bytes[at] ?? 0) ^ 0x10;
        machine.memory.markDirty(frame);
        expect(machine.stateHash(), `byte ${offset} of frame ${frame}`).not.toBe(before);
        machine.memory.bytes[at] = (machine.memory.bytes[at] ?? 0) ^ 0x10;
        machine.memory.markDirty(frame);
      }
    });
    expect(pages).toBeGreaterThan(20);
    expect(machine.stateHash()).toBe(before);
  });

  it('changes with any field of the kernel state', () => {
    const hasher = new StateHasher(new PageHashes(machine.memory));
    const hashOf = (kernel: KernelState): string =>
      hasher.hash({ kernel, spaces: [], registers: [] });
    const { state } = machine.kernel;
    const before = hashOf(state);
    expect(hashOf(structuredClone(state))).toBe(before);
    const leaves = leavesOf(state);
    expect(leaves.length).toBeGreaterThan(60);
    for (const path of leaves) {
      expect(hashOf(changedLeaf(state, path)), path.join('.')).not.toBe(before);
    }
    const whole = machine.stateHash();
    machine.kernel.state.now++;
    expect(machine.stateHash()).not.toBe(whole);
    machine.kernel.state.now--;
  });

  it('is the same on a machine that ran something else before', async () => {
    const other = openMachine({ libraryPath: await unicornLibrary() });
    bootGuest(other, { guest: 'list.elf', tick: 5 });
    for (let i = 0; i < 500; i++) other.step();
    bootGuest(other, { guest: 'counter.bin', args: ['3', '50'], tick: 13 });
    for (let i = 0; i < STEPS; i++) other.step();
    expect(other.stateHash()).toBe(machine.stateHash());
  });
});
