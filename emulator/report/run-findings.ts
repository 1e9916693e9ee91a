import { formatAddress } from '../../kernel-model/hardware/address.ts';
import type { Finding, FindingSection } from '../validate/finding.ts';
import { RULES } from '../validate/rules/registry.ts';

/** A finding of a run as JSON outputs have it. */
export interface FindingReport {
  readonly rule: string;
  readonly severity: Finding['severity'];
  readonly section?: {
    readonly name: string;
    readonly start: string;
    readonly end: string;
    readonly abort?: string;
    readonly descriptor?: string;
  };
  readonly address: string;
  readonly symbol: string;
  readonly message: string;
  readonly task?: number;
  readonly position?: Finding['position'];
}

/** Findings for programs: addresses in hexadecimal. */
export function reportFindings(findings: readonly Finding[]): readonly FindingReport[] {
  return findings.map(({ rule, severity, section, address, symbol, message, task, position }) => ({
    rule,
    severity,
    ...(section !== undefined && { section: reportSection(section) }),
    address: formatAddress(address),
    symbol,
    message,
    ...(task !== undefined && { task }),
    ...(position !== undefined && { position }),
  }));
}

function reportSection({ name, start, end, abort, descriptor }: FindingSection) {
  return {
    name,
    start: formatAddress(start),
    end: formatAddress(end),
    ...(abort !== undefined && { abort: formatAddress(abort) }),
    ...(descriptor !== undefined && { descriptor: formatAddress(descriptor) }),
  };
}

/** A finding of a run for people: a few lines. */
export function formatFinding(finding: Finding): readonly string[] {
  const { rule, severity, address, symbol, section, message, position } = finding;
  const { name, title, fix } = RULES[rule];
  const place =
    symbol === formatAddress(address) ? symbol : `${symbol} (${formatAddress(address)})`;
  const inSection =
    section === undefined
      ? ''
      : `, in the section ${section.name} ` +
        `(${formatAddress(section.start)}-${formatAddress(section.end)})`;
  const when =
    position === undefined
      ? []
      : [`  decision ${position.decision} of the schedule, instruction ${position.instructions}`];
  return [
    `${severity} ${rule} ${name}: ${message}`,
    `  at ${place}${inSection}`,
    ...when,
    `  rule: ${title}`,
    `  fix: ${fix}`,
  ];
}
