// `npm test`: all tiers one after another, or those that are named: npm test -- unit engine [--grep text].
// `--long` adds what takes long. The last line is the sum over all tiers; it is 1 that we exit with unless all is well.
import { parseArgs } from 'node:util';
import { runChecks } from './check';
import { resolveMongod } from './servers/mongod';
import { runGrammarTests } from './tests/grammar';
import { runMocha } from './tests/mocha';
import { report, runTier, type Outcome, type TierResult } from './tiers';

interface Wishes {
  grep?: string;
  update: boolean;
}

const minute = 60_000;

const tiers: Record<string, (wishes: Wishes) => Promise<TierResult>> = {
  check: () => runChecks(),
  unit: ({ grep }) => runMocha('test/unit', { grep, timeout: 10_000 }),
  engine: ({ grep }) =>
    withMongod(() => runMocha('test/engine', { grep, timeout: minute, processes: 2, limit: 10 * minute })),
  grammar: ({ update }) => runGrammarTests(update),
  package: ({ grep }) => runMocha('test/package', { grep, timeout: 5 * minute }),
  host: async ({ grep }) => (await import('./vscode/host')).runHostTests(grep),
  e2e: async ({ grep }) => (await import('./vscode/e2e')).runE2eTests(grep),
  long: ({ grep }) =>
    withMongod(() =>
      runMocha('test/long', { grep, timeout: 30 * minute, processes: 1, limit: 120 * minute }),
    ),
  electron: async ({ grep }) => (await import('./vscode/electron')).runElectronTests(grep),
};

/** Only run when asked for: one takes long, the other wants a display and a download from Microsoft. */
const onDemand = ['long', 'electron'];

/** Fetches mongod once before several processes would, and says why when there is none. */
async function withMongod(work: () => Promise<TierResult>): Promise<TierResult> {
  if (!process.env['MIGRATORY_TEST_URI']) {
    const { version, origin } = await resolveMongod();
    process.stdout.write(`mongod ${version} (${origin})\n`);
  }
  return work();
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      grep: { type: 'string' },
      update: { type: 'boolean', default: false },
    },
  });
  const named =
    positionals.length > 0 ? positionals : Object.keys(tiers).filter((tier) => !onDemand.includes(tier));
  const wanted = values.long && !named.includes('long') ? [...named, 'long'] : named;
  const unknown = wanted.find((tier) => !(tier in tiers));
  if (unknown !== undefined) {
    process.stderr.write(`There is no tier ${unknown}; there are ${Object.keys(tiers).join(', ')}.\n`);
    return 2;
  }
  const outcomes: Outcome[] = [];
  for (const tier of wanted) {
    process.stdout.write(`\n=== ${tier} ===\n`);
    outcomes.push(await runTier(tier, () => tiers[tier]!({ grep: values.grep, update: values.update })));
  }
  const text = report(outcomes);
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  return outcomes.every(({ result }) => result.failed === 0) ? 0 : 1;
}

// The processes of tests are no part of our group, so a signal has to be handed on: they end with us (tests/mocha.ts).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

// Explicitly, because what a tier leaves open must not hold back the outcome.
process.exit(await main());
