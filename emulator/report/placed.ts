import { signalName } from '../../kernel-model/abi/signal.ts';
import { describeInterruption, type PlacedInterruption } from '../explore/search/interruption.ts';
import type { ProgramImage } from '../loader/image.ts';

/** `task 2 @ push+0x1c: preempt -> task 3 until it commits` */
export function describePlaced(
  { task, address, interruption }: PlacedInterruption,
  image: ProgramImage,
): string {
  const what = describeInterruption(interruption, (at) => image.symbols.format(at), signalName);
  return `task ${task} @ ${image.symbols.format(address)}: ${what}`;
}

/** An address as reports give it. */
export function placeInCode(
  address: number,
  image: ProgramImage,
): { readonly address: string; readonly symbol: string } {
  return { address: `0x${address.toString(16)}`, symbol: image.symbols.format(address) };
}
