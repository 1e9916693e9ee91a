import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { GuestAccess } from '../machine/run.ts';
import { Stage } from './stage.ts';

/** What one operation does, in the order in which it does it. */
export interface ProtocolRow {
  /**
   * `load +0`, `store +8`: an access to what the thread registered, at so many bytes; `commit`: the
   * section's last store elsewhere.
   */
  readonly order: readonly string[];
  /** Where an abort right after the arming store goes is what rcx held then. */
  readonly isFailureAddressInRcx: boolean;
}

/** Instructions after a commit that still belong to it: those that disarm. */
const TAIL_INSTRUCTIONS = 1;

/** Follows one uninterrupted operation. `undefined` for an ABI without sections. */
export function measureProtocol(
  machine: Machine,
  profile: KernelProfile,
  image: ProgramImage,
): ProtocolRow | undefined {
  const stage = Stage.open(machine, profile, image, { workers: 2, vcpus: 1 });
  if (stage === undefined) return undefined;
  const actor = stage.task(0);
  stage.advance(actor, TAIL_INSTRUCTIONS);
  const start = stage.save();
  const accesses: GuestAccess[] = [];
  stage.run.onAccess = (access) => accesses.push(access);
  stage.commit(actor);
  const commit = accesses.findLast(({ isStore }) => isStore);
  stage.advance(actor, TAIL_INSTRUCTIONS);
  stage.run.onAccess = undefined;
  const registration = stage.contextOf(0).task.rseq;
  const order = accesses.flatMap((access) => {
    if (access === commit) return ['commit'];
    const offset = access.address - (registration?.address ?? 0);
    if (offset < 0 || offset >= (registration?.lengthBytes ?? 0)) return [];
    return [`${access.isStore ? 'store' : 'load'} +${offset}`];
  });
  stage.restore(start);
  return { order, isFailureAddressInRcx: isFailureAddressInRcx(stage) };
}

function isFailureAddressInRcx(stage: Stage): boolean {
  const actor = stage.task(0);
  const { rseq } = stage.machine.kernel.profile;
  for (let i = 0; rseq.armedRegion(stage.contextOf(0)) === undefined; i++) {
    if (i > 1000) return false;
    stage.advance(actor, 1);
  }
  const rcx = Number(stage.contextOf(0).registers.read('rcx'));
  stage.dispatch(stage.task(1));
  stage.advance(stage.task(1), 1);
  stage.dispatch(actor);
  return stage.contextOf(0).registers.instructionPointer === rcx;
}
