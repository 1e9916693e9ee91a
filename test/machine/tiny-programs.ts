import {
  addOneToRax,
  align,
  assemble,
  bytes,
  callTo,
  decrementRbx,
  exit,
  join,
  jump,
  jumpIfNotZero,
  label,
  load,
  mov,
  nop,
  type Part,
  raxToRbx,
  rbxToRax,
  ret,
  startThread,
  store,
  subtract,
  syscall,
  systemCall,
  testRax,
  word,
} from './tiny-program.ts';

const PAGE = 4096;
const ARENA = 0x1000_0000;
const READ_WRITE = 3;
const READ = 1;
const PRIVATE_ANONYMOUS_FIXED = 0x32;
const SIGNATURE = 0x5305_3053;

function map(address: number, lengthBytes: number): Part[] {
  return systemCall(9, address, lengthBytes, READ_WRITE, PRIVATE_ANONYMOUS_FIXED, -1, 0);
}

function unmap(address: number, lengthBytes: number): Part[] {
  return systemCall(11, address, lengthBytes);
}

/** mov %rax, (%rbx) */
const storeAtRbx = bytes(0x48, 0x89, 0x03);
/** add $PAGE, %rdi */
const addPageToRdi = bytes(0x48, 0x81, 0xc7, 0, PAGE >> 8, 0, 0);
/** mov %rax, %rdi */
const raxToRdi = bytes(0x48, 0x89, 0xc7);

/** Maps, protects and unmaps memory, moves the break, and has a thread do some of it; exits with 0. */
export const MEMORY_PROGRAM = assemble([
  ...map(ARENA, 4 * PAGE),
  mov('rax', 1),
  store(ARENA),
  store(ARENA + PAGE + 8),
  store(ARENA + 4 * PAGE - 8),
  ...systemCall(10, ARENA + PAGE, PAGE, READ),
  load(ARENA + PAGE + 8),
  ...unmap(ARENA, PAGE),
  ...map(ARENA, 2 * PAGE),
  load(ARENA),
  testRax,
  jumpIfNotZero('bad'),
  ...systemCall(12, 0),
  raxToRbx,
  raxToRdi,
  addPageToRdi,
  mov('rax', 12),
  syscall,
  storeAtRbx,
  ...startThread('thread', 'tid', 'stack'),
  mov('rax', 5),
  store(ARENA + PAGE),
  ...join('tid', 'thread'),
  load('shared'),
  subtract(7),
  jumpIfNotZero('bad'),
  ...exit(0),
  label('bad'),
  ...exit(1),
  label('thread'),
  ...map(ARENA + 8 * PAGE, PAGE),
  mov('rax', 7),
  store(ARENA + 8 * PAGE + 16),
  store('shared'),
  ...unmap(ARENA + 2 * PAGE, 2 * PAGE),
  ...systemCall(60, 0),
  align(PAGE),
  label('tid'),
  word(0),
  label('shared'),
  word(0),
  align(64),
  label('stack'),
]);

const ROUNDS = 3;
const COMMITTED = ROUNDS * 2;

/** A thread that patches a function, calls it, and then counts in a section, again and again. */
function patcher(name: string, ending: readonly Part[]): Part[] {
  return [
    ...systemCall(334, `area ${name}`, 32, 0, SIGNATURE),
    mov('rbx', ROUNDS),
    label(`round ${name}`),
    rbxToRax,
    store(`patched ${name}`),
    callTo(`function ${name}`),
    label(`retry ${name}`),
    mov('rax', `descriptor ${name}`),
    jump(`arm ${name}`),
    label(`back ${name}`),
    decrementRbx,
    jumpIfNotZero(`round ${name}`),
    ...ending,
  ];
}

/** On a page of its own. */
function patchedFunction(name: string): Part[] {
  return [
    align(PAGE),
    label(`function ${name}`),
    bytes(0x48, 0xb8),
    label(`patched ${name}`),
    word(0),
    ret,
  ];
}

const COUNT: readonly Part[] = [nop, nop, load('counter'), addOneToRax, store('counter')];
const COUNT_BYTES = 25;

function section(name: string): Part[] {
  return [
    label(`arm ${name}`),
    store(`cell ${name}`),
    label(`start ${name}`),
    ...COUNT,
    jump(`back ${name}`),
    bytes(0x53, 0x30, 0x05, 0x53),
    label(`abort ${name}`),
    jump(`retry ${name}`),
  ];
}

function sectionData(name: string): Part[] {
  return [
    align(32),
    label(`area ${name}`),
    word(0),
    label(`cell ${name}`),
    word(0),
    word(0),
    word(0),
    label(`descriptor ${name}`),
    word(0),
    word(`start ${name}`),
    word(COUNT_BYTES),
    word(`abort ${name}`),
  ];
}

/**
 * Two threads that rewrite code, each on a page of its own, and count in sections on a third; pinned to
 * one vCPU, so that no count is lost, if `isPinned`. Exits with what the counter lacks in the end.
 */
export function patchingProgram(isPinned: boolean) {
  return assemble([
    ...(isPinned ? systemCall(203, 0, 8, 'mask') : []),
    ...startThread('second', 'tid', 'stack'),
    ...patcher('first', [
      ...join('tid', 'second'),
      load('counter'),
      subtract(COMMITTED),
      raxToRdi,
      mov('rax', 231),
      syscall,
    ]),
    label('second'),
    ...patcher('second', systemCall(60, 0)),
    ...patchedFunction('first'),
    ...patchedFunction('second'),
    align(PAGE),
    ...section('first'),
    ...section('second'),
    align(PAGE),
    ...sectionData('first'),
    ...sectionData('second'),
    label('counter'),
    word(0),
    label('tid'),
    word(0),
    label('mask'),
    word(1),
    align(64),
    label('stack'),
    word(0),
  ]);
}

/** How often the sections of `patchingProgram` are committed. */
export const PATCHING_COMMITS = COMMITTED;
