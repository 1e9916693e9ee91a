/** What the parser says of a mistake, and what we say: what to do about it, in one line. */
const SAID: readonly (readonly [RegExp, (name: string, verb: string) => string])[] = [
  [/^Not enough arguments following: (\S+)$/, (name) => `--${name} needs a value`],
  [/^Not enough non-option arguments: /, (_, verb) => `${verb} needs a FILE`],
  [
    /^Invalid values:\s*Argument: (.*)$/s,
    (given) =>
      given.replace(
        /^(\S+), Given: (.*), Choices: (.*)$/s,
        (_, name, value, choices) => `--${name} ${value}: there is ${choices.replaceAll('"', '')}`,
      ),
  ],
];

/** Verbs that run a guest, which has arguments of its own. */
const WITH_GUEST_ARGUMENTS = ['emulate', 'fuzz', 'compare'];

/**
 * A mistake in the arguments of a verb, as the parser reports it, in our words.
 * @param argv what the verb was given
 */
export function explainMistake(message: string, verb: string, argv: readonly string[]): string {
  const [, unknown] = /^Unknown arguments?: (.*)$/s.exec(message) ?? [];
  if (unknown !== undefined) return explainUnknown(unknown.split(', '), verb, argv);
  for (const [pattern, say] of SAID) {
    const match = pattern.exec(message);
    if (match !== null) return say(match[1] ?? '', verb);
  }
  return message;
}

function explainUnknown(names: readonly string[], verb: string, argv: readonly string[]): string {
  const option = names.find((name) => argv.some((word) => isOption(word, name)));
  if (option !== undefined) {
    return `there is no option ${option.length > 1 ? '--' : '-'}${option}; ${verb} --help lists them`;
  }
  const spare = names.join(' ');
  const hint = WITH_GUEST_ARGUMENTS.includes(verb)
    ? `; what is for the guest goes after --: ${verb} FILE -- ${spare}`
    : '';
  return `${verb} does not take ${JSON.stringify(spare)}${hint}`;
}

function isOption(word: string, name: string): boolean {
  const [before = ''] = word.split('=');
  return (
    before === `--${name}` ||
    before === `--no-${name}` ||
    (/^-\w/.test(before) && before.includes(name))
  );
}
