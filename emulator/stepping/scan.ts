import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import { type CodeReader, flowAt } from './flow.ts';

/**
 * Instructions that a scan looks at. gdb's for load-linked sequences stop after 16; sections with a
 * loop are longer.
 */
const SCAN_LIMIT_INSTRUCTIONS = 64;

/**
 * Where control can leave an armed region that is about to be run from `from`: behind its commit, at
 * the abort handler, and where its branches lead. As gdb's *_deal_with_atomic_sequence from the
 * load-linked to the store-conditional, it goes by the code alone; `undefined` if that does not tell: a
 * call, a system call, an indirect jump, code that is too long.
 */
export function scanExits(
  code: CodeReader,
  region: ArmedRegion,
  from: number,
): ReadonlySet<number> | undefined {
  const low = region.start ?? from;
  const exits = new Set<number>([region.end]);
  if (region.abort !== undefined) exits.add(region.abort);
  const seen = new Set<number>();
  const pending = [from];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at < low || at >= region.end) {
      exits.add(at);
      continue;
    }
    if (seen.has(at)) continue;
    seen.add(at);
    const flow = seen.size > SCAN_LIMIT_INSTRUCTIONS ? undefined : flowAt(code, at);
    switch (flow?.kind) {
      case 'straight':
        pending.push(flow.next);
        break;
      case 'branch':
        pending.push(flow.next, flow.target ?? flow.next);
        break;
      case 'jump':
        pending.push(flow.target ?? flow.next);
        break;
      default:
        return undefined;
    }
  }
  return exits;
}
