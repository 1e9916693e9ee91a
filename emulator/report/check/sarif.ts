import { RULES } from '../../validate/rules/registry.ts';
import { checkedBy, type Rule } from '../../validate/rules/rule.ts';
import type { CheckOutcome, FileFinding } from '../../validate/static/check-files.ts';

const SARIF_SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

/** The report of `check` as a SARIF 2.1.0 log, for code scanning services and editors. */
export function toSarif({ files, findings, suppressed }: CheckOutcome) {
  const rules = Object.values<Rule>(RULES).filter((rule) => checkedBy(rule) !== 'dynamic');
  const ids = rules.map(({ id }) => id);
  return {
    $schema: SARIF_SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'rseq-testbed', rules: rules.map(toDescriptor) } },
        artifacts: files.map(({ path, program }) => ({
          location: { uri: toUri(path) },
          hashes: { 'sha-256': program.image.sha256 },
        })),
        results: [
          ...findings.map((finding) => toResult(finding, ids)),
          ...suppressed.map(({ finding, reason }) => ({
            ...toResult(finding, ids),
            suppressions: [{ kind: 'external', justification: reason }],
          })),
        ],
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
}

function toDescriptor({ id, name, title, rationale, fix, severity }: Rule) {
  return {
    id,
    name,
    shortDescription: { text: title },
    fullDescription: { text: rationale },
    help: { text: fix },
    defaultConfiguration: { level: severity.static ?? 'warning' },
  };
}

function toResult(finding: FileFinding, ids: readonly string[]) {
  const { rule, severity, symbol, address, source, message, section, file } = finding;
  const artifact = source === undefined ? file.path : source.file;
  return {
    ruleId: rule,
    ruleIndex: ids.indexOf(rule),
    level: severity,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: toUri(artifact) },
          ...(source !== undefined && { region: { startLine: source.line } }),
          address: { absoluteAddress: address, fullyQualifiedName: symbol },
        },
        logicalLocations: [
          { fullyQualifiedName: symbol, kind: 'function' },
          ...(section === undefined
            ? []
            : [{ fullyQualifiedName: section.name, kind: 'function' }]),
        ],
      },
    ],
    // The place by name, so that a service knows a finding again after the code has moved.
    partialFingerprints: { 'ruleAndPlace/v1': `${rule}:${symbol}:${message}` },
  };
}

/** A path as a reference in the sense of RFC 3986. */
function toUri(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}
