import { readSubject, type Subject } from './subject.ts';

type Settings = Pick<Subject, 'name' | 'args' | 'vcpus' | 'interruptions'>;

/** Two threads, one operation each: small enough to try everything. */
const SMALL = ['2', '1'];

/** The correct guests that mutants are made of, each in a small configuration. */
const SETTINGS: readonly Settings[] = [
  { name: 'counter', args: SMALL, vcpus: 1, interruptions: 2 },
  { name: 'counter', args: SMALL, vcpus: 2, interruptions: 1 },
  { name: 'spinlock', args: SMALL, vcpus: 1, interruptions: 1 },
  { name: 'buffer', args: SMALL, vcpus: 1, interruptions: 1 },
  { name: 'memcpy-buffer', args: SMALL, vcpus: 1, interruptions: 1 },
  { name: 'list', args: SMALL, vcpus: 1, interruptions: 1 },
  { name: 'bugs/s4-no-rearm-fixed', args: [], vcpus: 1, interruptions: 2 },
  { name: 'bugs/s7-early-effect-fixed', args: [], vcpus: 1, interruptions: 1 },
  { name: 'bugs/s9-old-slot-fixed', args: [], vcpus: 2, interruptions: 1 },
  { name: 'bugs/s14-no-fence-fixed', args: [], vcpus: 2, interruptions: 1 },
  { name: 'bugs/s15-aba-fixed', args: [], vcpus: 1, interruptions: 1 },
  { name: 'bugs/b2-resize-fixed', args: [], vcpus: 2, interruptions: 1 },
];

/** Reads them from the folder of the guests. */
export function readSubjects(folder: string): readonly Subject[] {
  return SETTINGS.map((settings) => readSubject(folder, settings));
}
