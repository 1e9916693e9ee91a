import { ERRNO } from '../../../../kernel-model/abi/errno.ts';
import type { Validator } from '../validator.ts';

const REFUSED: ReadonlySet<bigint> = new Set(
  [ERRNO.EBUSY, ERRNO.EINVAL, ERRNO.EPERM].map((errno) => BigInt(-errno)),
);

/** R32: a thread that is registered asks for another registration. */
export const ONE_REGISTRANT: Validator = {
  rules: ['R32'],
  onCalled(run, { task, name, args, result, address, retired, wasRegistered }) {
    const [pointer, length, flags, signature] = args;
    const isRegistering = name === 'rseq' && (flags & 1n) === 0n && pointer !== 0n;
    if (!isRegistering || !wasRegistered || task.rseq === undefined) return;
    if (result.kind !== 'return' || !REFUSED.has(result.value)) return;
    const own = task.rseq;
    const isSame =
      pointer === BigInt(own.address) &&
      BigInt.asUintN(32, length) === BigInt(own.lengthBytes) &&
      BigInt.asUintN(32, signature) === BigInt(own.signature);
    if (isSame) return;
    run.report({
      rule: 'R32',
      task: task.id,
      address,
      message: () =>
        `task ${task.id} registers 0x${pointer.toString(16)} at ` +
        `${run.describe(task.id, address)}, but has registered 0x${own.address.toString(16)} already`,
      retired,
    });
  },
};
