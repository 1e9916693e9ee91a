#!/usr/bin/env node
/**
 * The `rseq-testbed` command. It only checks the Node version, in syntax that old versions still
 * parse; everything else is imported after that.
 */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 20 || (major === 20 && minor >= 19)) {
  void import('./launcher/start.mjs').then(({ start }) => start(process.argv.slice(2)));
} else {
  process.stderr.write(
    `rseq-testbed: Node 20.19 or newer is needed, this is ${process.versions.node}\n`,
  );
  process.exitCode = 125;
}
