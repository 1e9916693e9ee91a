import { formatAddress } from '../../../kernel-model/hardware/address.ts';
import type { CheckOutcome, FileFinding } from '../../validate/static/check-files.ts';
import { objectPlace } from './object-place.ts';

const CHECK_SCHEMA = { name: 'rseq-testbed/check', version: 1 } as const;

/** The report of `check` for programs. */
export function toCheckJson(outcome: CheckOutcome) {
  const { kernel, files, findings, suppressed, unusedSuppressions } = outcome;
  return {
    schema: CHECK_SCHEMA,
    kernel,
    files: files.map(({ path, program, notes }) => ({
      path,
      sha256: program.image.sha256,
      kind: program.image.kind,
      sections: program.sections.length,
      notes,
    })),
    findings: findings.map(toJson),
    suppressed: suppressed.map(({ finding, reason }) => ({ ...toJson(finding), reason })),
    unusedSuppressions,
  };
}

function toJson({ file, rule, severity, section, address, symbol, source, message }: FileFinding) {
  const place = objectPlace(file.program.image, address);
  return {
    rule,
    severity,
    file: file.path,
    ...(section !== undefined && {
      section: {
        name: section.name,
        start: formatAddress(section.start),
        end: formatAddress(section.end),
        ...(section.abort !== undefined && { abort: formatAddress(section.abort) }),
        ...(section.descriptor !== undefined && { descriptor: formatAddress(section.descriptor) }),
      },
    }),
    address: formatAddress(address),
    ...(place !== undefined && { place }),
    symbol,
    ...(source !== undefined && { source }),
    message,
  };
}
