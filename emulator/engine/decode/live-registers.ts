import {
  Decoder,
  DecoderOptions,
  FlowControl,
  type Instruction,
  InstructionInfoFactory,
  OpAccess,
  Register,
  RegisterExt,
} from 'iced-x86';

/**
 * Code that is looked through: instructions that were not decoded by then are taken to read
 * everything.
 */
const INSTRUCTIONS_MAX = 96;
const GENERAL_REGISTERS_COUNT = 16;
const KILLING_SIZE_BYTES = 4;
/** All sixteen general registers. */
export const ALL_REGISTERS_LIVE = 0xffff;

/** A range of code from whose every instruction control may go to another one. */
export interface AbortEdge {
  readonly start: number;
  readonly end: number;
  readonly abort: number;
}

/** One instruction's effect on the general registers, as masks of bits. */
interface Node {
  readonly reads: number;
  readonly kills: number;
  /** `undefined`: control leaves what can be followed. */
  readonly successors: readonly number[] | undefined;
  /** Where an interruption before the instruction leads: it has overwritten nothing then. */
  readonly aborts: readonly number[];
  live: number;
}

/**
 * The general registers, as a mask with bit n for register n in the order of encodings, whose
 * values can still be read by the code from `ip` on before they are overwritten whole. Follows
 * direct branches inside `code`, which begins at `base`; calls, returns and all else that leads
 * elsewhere may read every register. `edges` are ways that control may take besides: from within a
 * section to its abort handler.
 */
export function liveRegisters(
  code: Uint8Array,
  base: number,
  ip: number,
  edges: readonly AbortEdge[],
): number {
  const factory = new InstructionInfoFactory();
  const nodes = new Map<number, Node>();
  const pending = [ip];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (nodes.has(at) || nodes.size >= INSTRUCTIONS_MAX) continue;
    const node = decodeNode(code, base, at, edges, factory);
    nodes.set(at, node);
    pending.push(...(node.successors ?? []), ...node.aborts);
  }
  factory.free();
  settle(nodes);
  return nodes.get(ip)?.live ?? ALL_REGISTERS_LIVE;
}

/** The usual backward data flow, to its least fixed point. */
function settle(nodes: ReadonlyMap<number, Node>): void {
  const backwards = [...nodes.values()].reverse();
  let hasChanged = true;
  while (hasChanged) {
    hasChanged = false;
    for (const node of backwards) {
      let after = node.successors === undefined ? ALL_REGISTERS_LIVE : 0;
      for (const successor of node.successors ?? []) {
        after |= nodes.get(successor)?.live ?? ALL_REGISTERS_LIVE;
      }
      let live = node.reads | (after & ~node.kills);
      for (const abort of node.aborts) live |= nodes.get(abort)?.live ?? ALL_REGISTERS_LIVE;
      hasChanged ||= live !== node.live;
      node.live = live;
    }
  }
}

function decodeNode(
  code: Uint8Array,
  base: number,
  at: number,
  edges: readonly AbortEdge[],
  factory: InstructionInfoFactory,
): Node {
  const offset = at - base;
  const unknown: Node = {
    reads: ALL_REGISTERS_LIVE,
    kills: 0,
    successors: undefined,
    aborts: [],
    live: 0,
  };
  if (offset < 0 || offset >= code.length) return unknown;
  const decoder = new Decoder(64, code.subarray(offset, offset + 15), DecoderOptions.None);
  decoder.ip = BigInt(at);
  const instruction = decoder.decode();
  decoder.free();
  try {
    if (instruction.isInvalid) return unknown;
    const aborts = edges.filter(({ start, end }) => at >= start && at < end).map((e) => e.abort);
    const successors = successorsOf(instruction);
    return { ...effectOf(instruction, factory), successors, aborts, live: 0 };
  } finally {
    instruction.free();
  }
}

function successorsOf(instruction: Instruction): number[] | undefined {
  const next = Number(instruction.nextIP);
  switch (instruction.flowControl) {
    case FlowControl.Next:
      return [next];
    case FlowControl.UnconditionalBranch:
      return [Number(instruction.nearBranchTarget)];
    case FlowControl.ConditionalBranch:
      return [next, Number(instruction.nearBranchTarget)];
    default:
      return undefined;
  }
}

function effectOf(instruction: Instruction, factory: InstructionInfoFactory) {
  const info = factory.info(instruction);
  const used = info.usedRegisters();
  let [reads, kills] = [0, 0];
  for (const each of used) {
    const bit = bitOf(each.register);
    if (isRead(each.access)) reads |= bit;
    if (each.access === OpAccess.Write && isWhole(each.register)) kills |= bit;
    each.free();
  }
  info.free();
  return { reads, kills };
}

function isRead(access: OpAccess): boolean {
  return (
    access === OpAccess.Read ||
    access === OpAccess.CondRead ||
    access === OpAccess.ReadWrite ||
    access === OpAccess.ReadCondWrite
  );
}

function bitOf(register: Register): number {
  const index = RegisterExt.fullRegister(register) - Register.RAX;
  return index >= 0 && index < GENERAL_REGISTERS_COUNT ? 1 << index : 0;
}

/** A write of 32 bits clears the upper half. */
function isWhole(register: Register): boolean {
  return RegisterExt.size(register) >= KILLING_SIZE_BYTES;
}
