import type { RunStops } from '../engine.ts';
import { BOUNDARY, STOP } from './code-maps.ts';
import type { ControlBlock } from './control-block.ts';
import type { EngineShared } from './engine.ts';
import type { GuestCode } from './guest-code.ts';
import type { Mapper } from './mapper.ts';

/** Where the runs of one CPU end early, in the terms of its hooks. */
export class StopPoints {
  readonly #shared: EngineShared;
  readonly #control: ControlBlock;
  readonly #code: GuestCode;
  readonly #mapper: Mapper;
  /** The instruction that was looked at and is not stopped at, if the run goes on with it. */
  #examined: number | undefined;

  constructor(shared: EngineShared, control: ControlBlock, code: GuestCode, mapper: Mapper) {
    this.#shared = shared;
    this.#control = control;
    this.#code = code;
    this.#mapper = mapper;
  }

  /** Has the hooks know the instructions; what is not mapped now is marked once it is. */
  arrange({ instructions }: RunStops): void {
    if (instructions.size === 0) return;
    const { codeMaps, stopSets } = this.#shared;
    const native = stopSets.of(instructions);
    this.#control.stopBitmap = native.pointer;
    const { mappings } = this.#mapper;
    if (native.mappings === mappings && native.codeVersion === codeMaps.version) return;
    for (const address of instructions) this.#code.mark(address, STOP);
    native.mappings = mappings;
    native.codeVersion = codeMaps.version;
  }

  /** A part of a run begins at `ip`, with so much left; `isFirst`: nothing of it has retired. */
  begin(stops: RunStops, ip: number, isFirst: boolean, budget: number): void {
    const mask = (stops.boundaries ? BOUNDARY : 0) | (stops.instructions.size > 0 ? STOP : 0);
    this.#control.setStops(mask, isFirst || this.#examined === ip ? budget : undefined);
    this.#examined = undefined;
  }

  /** The run is not stopped before the instruction at `ip`, which is to be executed otherwise. */
  pass(ip: number): void {
    this.#examined = ip;
  }

  /** Whether the run ends before an instruction of this class byte. */
  areBefore(stops: RunStops, classByte: number, address: number): boolean {
    if (!this.#control.mayStop) return false;
    if ((classByte & BOUNDARY) !== 0 && stops.boundaries) return true;
    return (classByte & STOP) !== 0 && stops.instructions.has(address);
  }
}
