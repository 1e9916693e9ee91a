import { expect, test } from 'vitest';
import {
  type AbortEdge,
  ALL_REGISTERS_LIVE,
  liveRegisters,
} from '../../emulator/engine/decode/live-registers.ts';

const BASE = 0x1000;
const RAX = 1 << 0;
const RBX = 1 << 3;
/** mov rax, rcx; mov rbx, rdx; ret */
const TWO_MOVES = '4889c8 4889d3 c3';

function live(code: string, edges: readonly AbortEdge[] = []): number {
  const bytes = Uint8Array.from(Buffer.from(code.replaceAll(' ', ''), 'hex'));
  return liveRegisters(bytes, BASE, BASE, edges);
}

test.each([
  ['what is overwritten whole before it is read', TWO_MOVES, RAX | RBX],
  ['a write of 32 bits clears the rest (mov eax, ecx)', '89c8 c3', RAX],
  ['a write of 8 bits keeps the rest (mov al, cl)', '88c8 c3', 0],
  ['what is read first (mov rbx, rax; mov rax, rcx)', '4889c3 4889c8 c3', RBX],
  ['only what both ways overwrite (je to ret; mov rax, rcx; ret)', '7403 4889c8 c3', 0],
  ['a call may read anything', 'e800000000 4889c8 c3', 0],
  ['code that ends', '4889c8', RAX],
])('dead: %s', (_, code, dead) => {
  expect(live(code)).toBe(ALL_REGISTERS_LIVE & ~dead);
});

test('a section leads to its abort handler from each of its instructions', () => {
  const abort = BASE + 6;
  expect(live(TWO_MOVES, [{ start: BASE, end: BASE + 3, abort }])).toBe(ALL_REGISTERS_LIVE);
  const second = [{ start: BASE + 3, end: BASE + 6, abort }];
  expect(live(TWO_MOVES, second), 'rax is overwritten before').toBe(ALL_REGISTERS_LIVE & ~RAX);
});
