import { RSEQ_CS } from '../../../../kernel-model/abi/rseq.ts';
import { formatAddress, TASK_SIZE_WORD } from '../../../../kernel-model/hardware/address.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { CriticalSection } from '../critical-section.ts';
import type { Problem, StaticCheck } from './check.ts';

export const checkR3: StaticCheck = function* (section, program) {
  const { descriptor, abortIp, abort } = section;
  yield* rangeProblems(section, program);
  const address = descriptor + RSEQ_CS.abortIp;
  if (abortIp >= TASK_SIZE_WORD) {
    yield { address, message: `abort_ip ${formatAddress(abortIp)} is no user address` };
  } else if (!program.memory.isExecutable(abort)) {
    yield { address, message: `abort_ip ${formatAddress(abortIp)} is not in code` };
  }
};

function* rangeProblems(section: CriticalSection, program: CheckedProgram): Iterable<Problem> {
  const { descriptor, startIp, postCommitOffset, start, end } = section;
  const range = `${formatAddress(startIp)} + ${formatAddress(postCommitOffset)}`;
  if (startIp >= TASK_SIZE_WORD) {
    const message = `start_ip ${formatAddress(startIp)} is no user address`;
    yield { address: descriptor + RSEQ_CS.startIp, message };
    return;
  }
  const address = descriptor + RSEQ_CS.postCommitOffset;
  const segment = program.memory.segmentAt(start);
  if (postCommitOffset === 0n) {
    yield { address, message: 'the section is empty: nothing is ever inside' };
  } else if (startIp + postCommitOffset >= 2n ** 64n) {
    yield { address, message: `the end of the section wraps: ${range}` };
  } else if (startIp + postCommitOffset >= TASK_SIZE_WORD) {
    yield { address, message: `the end of the section is no user address: ${range}` };
  } else if (segment?.executable !== true) {
    const message = `start_ip ${formatAddress(start)} is not in code`;
    yield { address: descriptor + RSEQ_CS.startIp, message };
  } else if (end > segment.address + segment.size) {
    yield { address, message: `the section leaves the code that it starts in: ${range}` };
  }
}
