import { beforeAll, describe, expect, test } from 'vitest';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { isPass } from '../../../emulator/machine/outcome.ts';
import { VALIDATORS } from '../../../emulator/validate/dynamic/registry.ts';
import type { Validator } from '../../../emulator/validate/dynamic/validator.ts';
import { RULES, type RuleId } from '../../../emulator/validate/rules/registry.ts';
import type { Rule } from '../../../emulator/validate/rules/rule.ts';
import { readManifest } from '../../guest/guest-files.ts';
import { matrixCases } from '../../support/matrix.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { bootWatched, rulesOf, runOf, runSettled, runWatched } from './watched-runs.ts';

const { ruleRuns } = await readManifest();
const validators = Object.entries<Validator>(VALIDATORS);
const dynamicRules = Object.values<Rule>(RULES).filter(({ severity }) => severity.dynamic);
const named = ruleRuns.map((guest) => [guest.name, guest] as const);

/** Found only by looking at all accesses of the run, or at what its schedule spared. */
const BY_ORDER = ['r08-pinned-elsewhere', 'r28-foreign-reset', 'r28-given-back', 'r28-taken-over'];

let machine: Machine;
let again: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  again = openMachine({ libraryPath, logReads: true });
});

describe('the run of a guest breaks exactly the rules that the manifest names', () => {
  test.each(named)('%s', async (_, guest) => {
    for (const form of ['bin', 'elf'] as const) {
      const { outcome, findings } = await runSettled(machine, again, runOf(guest, form));
      expect(rulesOf(findings)).toEqual(guest.findings);
      if (guest.findings.length === 0) expect(isPass(outcome)).toBe(true);
      for (const { severity, symbol, message, position } of findings) {
        expect(symbol).toMatch(/^[a-z_]+(\+0x[0-9a-f]+)?$/);
        expect(message).toMatch(/^[^\n]*task \d+[^\n]* at [a-z_]+\+0x[0-9a-f]+ \([^\n]+\)/);
        expect(['run', 'switch']).toContain(machine.decisions[position?.decision ?? -1]?.kind);
        if (outcome.kind === 'exit') expect(severity).toBe('warning');
      }
    }
  });
});

describe('the same run again, decision by decision, has the same findings', () => {
  const broken = named.filter(([, { findings }]) => findings.length > 0);
  test.each(broken.filter(([name]) => name !== 'r23-no-progress'))('%s', async (_, guest) => {
    const first = await runSettled(machine, again, runOf(guest));
    const strategy = new ReplayStrategy(machine.decisions);
    expect(await runSettled(machine, again, { ...runOf(guest), strategy })).toEqual(first);
  });

  test.each(['r08-shared-slot', 'r12-early-store', 'r18-call-out', 'r28-foreign-store'])(
    '%s from each snapshot on, in any order',
    (name) => {
      const guest = ruleRuns.find((each) => each.name === name);
      if (guest === undefined) throw new Error(`there is no ${name}`);
      const { findings, outcome } = runWatched(machine, runOf(guest));
      const [found] = findings;
      const last = found?.position?.decision ?? 0;
      const decisions = machine.decisions.slice(0, last + 1);
      const watcher = bootWatched(machine, runOf(guest));
      const snapshots = [machine.snapshot()];
      for (const decision of decisions) {
        if (decision.kind === 'place' || decision.kind === 'wake') continue;
        machine.step(new ReplayStrategy(decisions.slice(machine.decisionCount)));
        snapshots.push(machine.snapshot());
        if (machine.decisionCount > last) break;
      }
      expect(watcher.findings.slice(0, 1)).toEqual([found]);
      for (const snapshot of [...snapshots].reverse().filter((_, index) => index % 7 === 1)) {
        machine.restore(snapshot);
        expect(watcher.findings).toEqual([]);
        const rest = new ReplayStrategy(decisions.slice(machine.decisionCount));
        while (machine.decisionCount <= last && machine.outcome === undefined) machine.step(rest);
        expect(watcher.findings.slice(0, 1)).toEqual([found]);
      }
      expect(outcome.kind).toBe('finding');
    },
  );
});

describe('the contract of a validator', () => {
  const runsOf = (rule: RuleId) => ruleRuns.filter(({ findings }) => findings.includes(rule));

  /** What every validator is run over, besides the guests that are about its rules. */
  const sample = matrixCases(ruleRuns, 8);
  const isAbout = (name: string, rule: string) =>
    name.startsWith(`r${rule.slice(1).padStart(2, '0')}-`);

  /** The guests in which a validator finds more, or less, than the manifest says of its rules. */
  function mistakes(validator: Validator): readonly string[] {
    const concerned = ruleRuns.filter(({ findings, name }) =>
      validator.rules.some((own) => findings.includes(own) || isAbout(name, own)),
    );
    return [...new Set([...concerned, ...sample])].flatMap((guest) => {
      if (guest.name === 'r23-no-progress' && !validator.rules.includes('R23')) return [];
      const { findings } = runWatched(machine, { ...runOf(guest), validators: [validator] });
      if (BY_ORDER.includes(guest.name)) return [];
      const expected = guest.findings.filter((rule) => validator.rules.some((own) => own === rule));
      return rulesOf(findings).join() === expected.join() ? [] : [guest.name];
    });
  }

  test.each(validators)('%s finds its rules by itself, and nothing else', (_, validator) => {
    for (const rule of validator.rules) {
      expect(RULES[rule].severity).toHaveProperty('dynamic');
      expect(runsOf(rule), rule).not.toEqual([]);
    }
    expect(mistakes(validator)).toEqual([]);
  });

  test('each rule that runs can break has a validator', () => {
    const covered = new Set<string>(validators.flatMap(([, { rules }]) => rules));
    expect(dynamicRules.map(({ id }) => id).filter((id) => !covered.has(id))).toEqual([]);
  });

  test('one that says nothing fails it', () => {
    expect(mistakes({ rules: ['R14'] })).toEqual(['r14-system-call']);
  });

  test('one that alarms at every section fails it', () => {
    const eager: Validator = {
      rules: ['R18'],
      onStart(run, task, { section }) {
        const address = section.region.start;
        run.report({ rule: 'R18', task: task.id, address, message: () => 'a section', retired: 0 });
      },
    };
    expect(mistakes(eager)).toContain('r18-not-armed-fixed');
  });
});
