import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { readObject } from '../../../emulator/loader/object/read-object.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { temporaryFolder } from '../../loader/files.ts';

/** A section after guest/rules/frame.h, and the rule whose finding must be at the symbol `here`. */
interface Variant {
  readonly rule: string | undefined;
  /** What replaces the usual lines, in order of the code. */
  readonly arm?: string;
  readonly inside?: string;
  readonly behind?: string;
  readonly tables?: string;
}

const UPDATE = 'movq (%rdx), %rax\n addq $1, %rax\n movq %rax, (%rdx)';
const HERE = '.globl here\nhere:\n';
const CHECK = 'check_cpu\n';

const VARIANTS: Readonly<Record<string, Variant>> = {
  'a branch into the middle of an instruction': {
    rule: 'R6',
    inside: `${CHECK} testq %rdx, %rdx\n ${HERE} je 1f + 1\n 1: movl $0x90909090, %eax\n incq (%rdx)`,
  },
  'bytes that are no instruction': {
    rule: 'R6',
    inside: `${CHECK} je 1f\n ${HERE} .byte 0x06\n 1: incq (%rdx)`,
  },
  'a store to a word that is not aligned': {
    rule: 'R7',
    arm: `leaq .Ldescriptor(%rip), %rax\n ${HERE} movq %rax, %fs:44`,
  },
  'the store, and then a jump to start_ip': {
    rule: 'R7',
    arm: `arm\n ${HERE} jmp .Lstart`,
  },
  'a jump to start_ip from elsewhere': {
    rule: 'R7',
    behind: `function elsewhere\n ${HERE} jmp .Lstart`,
  },
  'a store before the comparison': {
    rule: 'R8',
    inside: `${HERE} movq $0, 8(%rdx)\n ${CHECK} ${UPDATE}`,
  },
  'a comparison on one way only': {
    rule: 'R8',
    inside: `${HERE} testq %rdi, %rdi\n je 1f\n ${CHECK} 1: ${UPDATE}`,
  },
  'a comparison of mm_cid with an index of CPUs': {
    rule: 'R8',
    inside: `${HERE} cmpl %ecx, %fs:RSEQ_OFFSET + 24\n jne .Labort\n ${UPDATE}`,
  },
  'a commit, then a jump to the end': {
    rule: 'R10',
    inside: `${CHECK} movq (%rdx), %rax\n testq %rax, %rax\n je 1f\n addq $1, %rax\n
      movq %rax, (%rdx)\n ${HERE} jmp .Lend\n 1: movq $1, (%rdx)`,
  },
  'rseq_cs cleared behind the commit': {
    rule: 'R10',
    inside: `${CHECK} ${UPDATE}\n ${HERE} movq $0, RSEQ_CS`,
  },
  'rseq_cs cleared before the commit': {
    rule: 'R20',
    inside: `${CHECK} ${HERE} movq $0, RSEQ_CS\n ${UPDATE}`,
  },
  'an int 0x80': { rule: 'R14', inside: `${CHECK} ${HERE} int $0x80\n incq (%rdx)` },
  'a call through a register': {
    rule: 'R15',
    inside: `${CHECK} ${HERE} call *%rdi\n incq (%rdx)`,
  },
  'a call to the middle from elsewhere': {
    rule: 'R17',
    inside: `${CHECK} movq (%rdx), %rax\n .Lmiddle: addq $1, %rax\n movq %rax, (%rdx)`,
    behind: `function elsewhere\n ${HERE} call .Lmiddle\n ret`,
  },
  'a short branch to the middle from behind': {
    rule: 'R17',
    inside: `${CHECK} movq (%rdx), %rax\n .Lmiddle: addq $1, %rax\n movq %rax, (%rdx)`,
    behind: `testq %rdi, %rdi\n ${HERE} jne .Lmiddle\n ret`,
  },
  'an endless loop': { rule: 'R23', inside: `${CHECK} incq (%rdx)\n ${HERE} 1: jmp 1b` },
  'an int3': { rule: 'R24', inside: `${CHECK} ${HERE} int3\n incq (%rdx)` },
  'a commit past the caches': { rule: 'R29', inside: `${CHECK} ${HERE} movntiq %rcx, (%rdx)` },
  'a handler inside another section': {
    rule: 'R17',
    inside: `${CHECK} jmp 1f\n .long RSEQ_SIGNATURE\n ${HERE} .Linside: jmp .Lretry\n 1: incq (%rdx)`,
    behind: `choose_slot\n arm .Lother\n 2: check_cpu\n incq (%rdx)\n 3: ret`,
    tables: 'describe\n describe .Lother, 2b, 3b-2b, .Linside\n handler',
  },

  'a counter in memory as the bound of a loop': {
    rule: undefined,
    inside: `${CHECK} movl $8, %esi\n 1: movq 8(%rdx,%rsi,8), %rax\n decl %esi\n jnz 1b\n incq (%rdx)`,
  },
  'data that the section jumps over': {
    rule: undefined,
    inside: `${CHECK} jmp 1f\n .byte 0x06, 0x48\n 1: incq (%rdx)`,
  },
  'a list walked': {
    rule: undefined,
    inside: `${CHECK} movq (%rdx), %rax\n 1: movq (%rax), %rax\n testq %rax, %rax\n jne 1b
      incq (%rdx)`,
  },
  'a private item stored, an exit to post-commit, then the commit': {
    rule: undefined,
    inside: `${CHECK} movq %rcx, (%rdi)\n cmpq $0, 8(%rdx)\n je .Lend\n incq (%rdx)`,
  },
  'a snapshot that is stored where only the caller looks': {
    rule: undefined,
    inside: `${CHECK} movq (%rdx), %rax\n movq %rax, (%rdi)\n movq 8(%rdx), %rax\n movq %rax, 8(%rdi)`,
  },
  'the number read by rdpid': {
    rule: undefined,
    inside: `rdpid %rax\n cmpl %eax, %ecx\n jne .Labort\n ${UPDATE}`,
  },
  'scratch below the stack pointer': {
    rule: undefined,
    inside: `${CHECK} movq %rcx, -8(%rsp)\n incq (%rdx)`,
  },
  'a commit by exchange': {
    rule: undefined,
    inside: `${CHECK} movl $1, %esi\n xchgq %rsi, (%rdx)`,
  },
};

function sourceOf({ arm, inside, behind, tables }: Variant): string {
  return `#include "rules/frame.h"
  function section
.Lretry:
  choose_slot
  ${arm ?? 'arm'}
.Lstart:
  ${inside ?? `${CHECK} ${UPDATE}`}
.Lend:
  ret
  ${behind ?? ''}
  ${tables ?? 'describe\n handler'}
`;
}

describe.each(Object.entries(VARIANTS))('%s', (_, variant) => {
  test(variant.rule ?? 'is accepted', async (context) => {
    const path = join(await temporaryFolder(), 'variant.o');
    const headers = ['-I', join(guestDir, 'include'), '-I', guestDir];
    const gcc = ['-c', '-o', path, ...headers, '-x', 'assembler-with-cpp', '-'];
    const { code, failed, stderr } = await execa('gcc', gcc, {
      input: sourceOf(variant),
      reject: false,
    });
    if (code === 'ENOENT') context.skip('there is no gcc to build a program with');
    if (failed) throw new Error(stderr);
    const image = readObject(path);
    const { program, findings } = checkImage(image, { kernel: PROFILES['linux-6.18'] });
    expect(program.sections.length).toBeGreaterThan(0);
    const found = findings.map(({ rule, address, message }) => ({ rule, address, message }));
    if (variant.rule === undefined) expect(found).toEqual([]);
    else {
      const here = image.symbols.find('here');
      expect(found).toMatchObject([{ rule: variant.rule, address: here }]);
    }
  });
});
