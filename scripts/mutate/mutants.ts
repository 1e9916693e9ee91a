import type { Edit, Operator } from './operator.ts';
import { OPERATOR_NAMES, OPERATORS, type OperatorName } from './registry.ts';
import type { Subject } from './subject.ts';

/** A correct guest with one mistake made in it. */
export interface Mutant {
  /** `counter/shift-end/2`: unique, and the same each time. */
  readonly id: string;
  readonly subject: Subject;
  readonly operator: OperatorName;
  /** What the mistake is about. */
  readonly address: number;
  readonly description: string;
  /** The flat image. */
  readonly bytes: Uint8Array;
}

/** All mutants of a guest, in the order of the operators and sections. */
export function* mutantsOf(subject: Subject): Generator<Mutant> {
  for (const operator of OPERATOR_NAMES) {
    let number = 0;
    for (const section of subject.sections) {
      const { edits }: Operator = OPERATORS[operator];
      for (const edit of edits(section, subject)) {
        number++;
        yield {
          id: `${subject.name}:${subject.vcpus}/${operator}/${number}`,
          subject,
          operator,
          address: edit.address,
          description: edit.description,
          bytes: patched(subject, edit),
        };
      }
    }
  }
}

function patched({ bytes, image }: Subject, { patches }: Edit): Uint8Array {
  const changed = bytes.slice();
  for (const { address, bytes: content } of patches) changed.set(content, address - image.entry);
  return changed;
}
