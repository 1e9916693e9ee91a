import { RSEQ_SIGNATURE_BYTES } from '../../../../kernel-model/abi/rseq.ts';
import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { StaticCheck } from './check.ts';

export const checkR5: StaticCheck = function* ({ abort }, { memory, image, signature }) {
  // Handlers outside of all code are the matter of another rule.
  if (!memory.isExecutable(abort)) return;
  const place = abort - RSEQ_SIGNATURE_BYTES;
  const found = memory.u32(place);
  if (found === undefined) {
    yield { address: abort, message: 'there is no memory for a signature before abort_ip' };
    return;
  }
  if (found !== signature) {
    const [has, wanted] = [formatAddress(found), formatAddress(signature)];
    yield {
      address: abort,
      message: `the word before abort_ip is ${has}, not the signature ${wanted}`,
    };
  }
  if (image.kind !== 'flat' && memory.segmentAt(place)?.writable === true) {
    yield { address: abort, message: 'the signature is in writable memory' };
  }
};
