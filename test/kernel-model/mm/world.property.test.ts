import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { Access } from '../../../kernel-model/mm/mapping.ts';
import { isFullRun } from '../../support/matrix.ts';
import { NaiveWorld } from './naive-world.ts';
import { RealWorld } from './real-world.ts';
import {
  type Arena,
  checkContents,
  checkEngineMappings,
  checkReferences,
  VersionLedger,
} from './world-checks.ts';

const RAM_BYTES = 4 << 20;
const SPACES_MAX = 4;
/** Two page tables meet in the middle of the arena. */
const arena: Arena = { first: 0x600 - 12, count: 24 };

type Step =
  | {
      readonly kind: 'map';
      readonly space: number;
      readonly page: number;
      readonly count: number;
      readonly protection: number;
      readonly shared: boolean;
    }
  | {
      readonly kind: 'unmap' | 'protect' | 'read';
      readonly space: number;
      readonly page: number;
      readonly count: number;
      readonly protection: number;
    }
  | {
      readonly kind: 'write' | 'store';
      readonly space: number;
      readonly page: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'fork' | 'destroy'; readonly space: number }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'restore'; readonly index: number };

const space = fc.nat(SPACES_MAX - 1);
const page = fc.nat(arena.count - 1);
const count = fc.integer({ min: 1, max: 6 });
const protection = fc.constantFrom(0, 1, 3, 3, 3, 3, 3, 5, 7);
const offset = fc.oneof(fc.constantFrom(0, 8, PAGE_SIZE - 3, PAGE_SIZE - 1), fc.nat(PAGE_SIZE - 1));
const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('map' as const),
      space,
      page,
      count,
      protection,
      shared: fc.boolean(),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom('unmap' as const, 'protect' as const, 'read' as const),
      space,
      page,
      count,
      protection,
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom('write' as const, 'store' as const),
      space,
      page,
      offset,
      bytes,
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({ kind: fc.constantFrom('fork' as const, 'destroy' as const), space }),
    weight: 2,
  },
  { arbitrary: fc.constant({ kind: 'snapshot' as const }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('restore' as const), index: fc.nat(9) }), weight: 2 },
);

const all = { kind: 'map', space: 0, page: 0, count: arena.count, protection: 3 } as const;
/** So that most writes find memory: half private, half shared. */
const START: readonly Step[] = [
  { ...all, shared: false },
  { ...all, count: arena.count / 2, shared: true },
];

/** Steps that change what frames stand for, after which all contents are compared. */
const MOVERS: ReadonlySet<Step['kind']> = new Set(['fork', 'destroy', 'restore']);

/** Both worlds side by side, with the snapshots taken of them. */
class Pair {
  readonly real = new RealWorld(RAM_BYTES);
  naive = new NaiveWorld();
  /** Writes that were carried out, by the model or an engine. */
  stores = 0;
  readonly #ledger = new VersionLedger();
  readonly #snapshots: {
    readonly real: ReturnType<RealWorld['snapshot']>;
    readonly naive: NaiveWorld;
    readonly versions: readonly number[];
  }[] = [];

  apply(drawn: Step): void {
    const { real, naive } = this;
    const step = 'space' in drawn ? { ...drawn, space: drawn.space % naive.spaceCount } : drawn;
    switch (step.kind) {
      case 'map':
      case 'unmap':
      case 'protect':
      case 'read':
        this.#range(step);
        break;
      case 'write':
      case 'store':
        this.#store(step);
        break;
      case 'fork':
        if (naive.spaceCount === SPACES_MAX) break;
        real.fork(step.space);
        naive.fork(step.space);
        break;
      case 'destroy':
        if (naive.spaceCount === 1) break;
        real.destroy(step.space);
        naive.destroy(step.space);
        break;
      case 'snapshot':
        this.#snapshots.push({
          real: real.snapshot(),
          naive: naive.copy(),
          versions: real.spaces.map(({ version }) => version),
        });
        break;
      case 'restore':
        this.#restore(step.index);
        break;
    }
  }

  #range(step: Extract<Step, { kind: 'map' | 'unmap' | 'protect' | 'read' }>): void {
    const { real, naive } = this;
    const { space: index, protection } = step;
    const first = arena.first + step.page;
    const count = Math.min(step.count, arena.count - step.page);
    const [start, end] = [first * PAGE_SIZE, (first + count) * PAGE_SIZE];
    switch (step.kind) {
      case 'map': {
        const { shared } = step;
        real.space(index).map({ start, end, protection, shared, name: 'test' });
        naive.map(index, first, count, protection, shared);
        break;
      }
      case 'unmap':
        real.space(index).unmap(start, end);
        naive.unmap(index, first, count);
        break;
      case 'protect':
        if (!naive.isMapped(index, first, count)) break;
        real.space(index).protect(start, end, protection);
        naive.protect(index, first, count, protection);
        break;
      case 'read':
        this.#read(index, first, count);
        break;
    }
  }

  #read(index: number, first: number, count: number): void {
    const { real, naive } = this;
    const pages = Array.from({ length: count }, (_, i) => first + i);
    const faults = pages.some((one) => naive.faultOf(index, one * PAGE_SIZE, 'read') !== undefined);
    const expected = faults
      ? undefined
      : Buffer.concat(pages.map((one) => naive.pageBytes(index, one)));
    const found = real.user(index).read(first * PAGE_SIZE, count * PAGE_SIZE);
    expect(found === undefined ? found : Buffer.from(found)).toEqual(expected);
  }

  /** A write by the kernel model, whole or not at all; or stores by an engine, byte by byte. */
  #store(step: Extract<Step, { kind: 'write' | 'store' }>): void {
    const { real, naive } = this;
    const { space: index, bytes } = step;
    const address = (arena.first + step.page) * PAGE_SIZE + step.offset;
    const last = address + bytes.length - 1;
    if (step.kind === 'write') {
      // A page that was just read must not pass for one that may be written.
      real.user(index).read(address, 1);
      const faults = [address, last].map((at) => naive.faultOf(index, at, 'write'));
      const isWritten = real.user(index).write(address, bytes);
      expect(isWritten).toBe(faults.every((fault) => fault === undefined));
      if (!isWritten) return;
      this.stores++;
      naive.write(index, address, bytes);
      return;
    }
    bytes.forEach((byte, i) => {
      if (this.#engineStore(index, address + i, byte)) {
        this.stores++;
        naive.write(index, address + i, Uint8Array.of(byte));
      }
    });
  }

  /** A store of the guest: one that faults is tried once more after the page fault handler. */
  #engineStore(index: number, address: number, byte: number): boolean {
    const { real, naive } = this;
    const fault = naive.faultOf(index, address, 'write');
    if (real.engineStore(index, address, byte)) {
      expect(fault).toBeUndefined();
      return true;
    }
    expect(real.space(index).resolveFault(address, 'write')).toBe(fault);
    if (fault !== undefined) return false;
    expect(real.engineStore(index, address, byte)).toBe(true);
    return true;
  }

  #restore(index: number): void {
    const snapshot = this.#snapshots[index % Math.max(1, this.#snapshots.length)];
    if (snapshot === undefined) return;
    this.real.restore(snapshot.real);
    this.naive = snapshot.naive.copy();
    expect(this.real.spaces.map(({ version }) => version)).toEqual(snapshot.versions);
  }

  checkContents(): void {
    checkContents(this.real, this.naive, arena);
  }

  check(): void {
    checkReferences(this.real);
    checkEngineMappings(this.real);
    this.#ledger.check(this.real);
    this.#checkFaults();
  }

  #checkFaults(): void {
    const accesses: readonly Access[] = ['read', 'write', 'fetch'];
    this.real.spaces.forEach((each, index) => {
      const at = (arena.first + arena.count) * PAGE_SIZE;
      for (const access of accesses) {
        expect(each.resolveFault(at, access)).toBe(this.naive.faultOf(index, at, access));
      }
    });
  }
}

test('memory behaves as one without frames, tables or images', { timeout: 900_000 }, () => {
  let stores = 0;
  const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
    const pair = new Pair();
    for (const one of [...START, ...steps]) {
      pair.apply(one);
      pair.check();
      if (isFullRun || MOVERS.has(one.kind)) pair.checkContents();
    }
    pair.checkContents();
    stores += pair.stores;
  });
  fc.assert(property, { numRuns: isFullRun ? 800 : 40, seed: 1 });
  expect(stores).toBeGreaterThan(1000);
});
