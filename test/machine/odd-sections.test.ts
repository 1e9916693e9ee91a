import { beforeAll, describe, expect, test } from 'vitest';
import { loadProgram } from '../../emulator/loader/load.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import { compile, freestanding } from '../loader/compile.ts';
import { boot, openTestMachine } from './rig.ts';

const ROUNDS = 5;
const FIRST = 1;

/**
 * Arms its section ROUNDS times and disarms it each time; the section goes on to a length that kernels
 * up to 6.18 refuse. Exits with how often it was aborted. An abort tries again from the beginning.
 */
function programText(length: string): string {
  return `
    __asm__(".data\\n.balign 32\\narea: .zero 32\\n.balign 32\\n"
      "section: .long 0, 0\\n .quad start, ${length}, handler\\n.text\\n.globl _start\\n"
      "_start: lea area(%rip), %rdi\\n mov $32, %esi\\n xor %edx, %edx\\n mov $0x53053053, %r10d\\n"
      "  mov $334, %eax\\n syscall\\n xor %r12d, %r12d\\n mov $${ROUNDS}, %ebx\\n"
      "again: lea section(%rip), %rax\\n mov %rax, area+8(%rip)\\n"
      "start: nop\\n nop\\n nop\\n movq $0, area+8(%rip)\\n"
      "  dec %ebx\\n jnz again\\n mov %r12d, %edi\\n mov $231, %eax\\n syscall\\n"
      "  .byte 0x0f, 0xb9, 0x3d\\n .long 0x53053053\\n"
      "handler: inc %r12d\\n jmp again\\n"
      ".section .note.GNU-stack, \\"\\"\\n.text\\n");`;
}

const SECTIONS = {
  'that ends a little beyond user memory': '0x7fffffffe000',
  'that ends far beyond': '0x4000000000000000',
  'that wraps around to its start': '-1',
} as const;
const OPTIONS = [...freestanding, '-static', '-no-pie', '-fno-pie'];

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

describe.each(Object.entries(SECTIONS))('a section %s is followed under 6.19', (_, length) => {
  test.for([100_000, 4, 3])('in slices of %i instructions', async (tick, context) => {
    const { image } = loadProgram(await compile(context, { text: programText(length) }, OPTIONS));
    const profile = findProfile('6.19');
    if (profile === undefined) throw new Error('there is no 6.19');
    const program = { image, args: [], env: [] };
    boot(machine, { program, profile, vcpus: 1, tick, escalate: true });
    const outcome = machine.runToEnd();
    const { entered, committed, aborted, exited } = machine.sections.counts;
    expect(outcome).toEqual({ kind: 'exit', status: aborted });
    expect(entered).toBeGreaterThanOrEqual(ROUNDS);
    if (tick > ROUNDS * 10) expect({ entered, aborted }).toEqual({ entered: ROUNDS, aborted: 0 });
    const inFlight = machine.sections.inFlight(FIRST) === undefined ? 0 : 1;
    expect(committed + aborted + exited + inFlight).toBe(entered);
  });
});
