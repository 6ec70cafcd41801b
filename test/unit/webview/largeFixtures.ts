// Snapshots of runs that are hard to lay out: many steps, names of 120 characters, a thousand lines of log, and a
// verification that failed. For the panel's tests and pictures; nothing in src/ uses them.
import type { RunSnapshot } from '../../../src/protocol/events';
import type { RunState } from '../../../src/protocol/run';
import { goodChecks, indexWarning, rates, runOf, snapshotOf, step } from './fixtures';

const start = Date.parse('2026-03-02T09:41:07.000Z');
const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();

/** Exactly 120 characters: words with hyphens, then one that cannot be broken. */
export function longName(n: number): string {
  const words = `202603${String(n).padStart(2, '0')}101500-split-the-address-of-every-customer-into-street-and-city-`;
  return `${words}${'normalizedAddressFieldsOfCustomers'.repeat(3)}`.slice(0, 117) + '.js';
}

const said = [
  'Range {n} of 1,000 done',
  'customers 65e2f3c9a1b2c3d4e5f6{n}: the address has no city, left as it is',
  'Waiting: a secondary lags 12.4 s behind (at most 10 s)',
  '{"level":"debug","customer":"65e2f3c9a1b2c3d4e5f6{n}","address":{"street":"Marktstraße 17","city":"Köln"},"flags":["a","b","c"],"checksum":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}',
];

const thousandLines: RunSnapshot['log'] = Array.from({ length: 1_000 }, (_, n) => ({
  at: at(n / 10),
  level: n % 4 === 1 ? 'warn' : 'info',
  message: (said[n % said.length] ?? '').replace('{n}', String(n).padStart(4, '0')),
}));

/** A name of 120 characters and a thousand lines. */
export const longest = snapshotOf(
  runOf([
    step(longName(1), {
      state: 'running',
      startedAt: at(1),
      processed: 5_934_000,
      total: 13_839_800,
      rate: 11_870,
      etaSeconds: 667,
      batchMs: 48,
      checks: [...goodChecks, indexWarning],
      activity: `Changing documents of ${'customers_of_the_old_shop_'.repeat(4)}, range 430 of 1,000`,
    }),
  ]),
  { log: thousandLines, rates },
);

const stateOf = (n: number): RunState => (n < 17 ? 'applied' : n === 17 ? 'running' : 'planned');

/** Thirty migrations, the eighteenth at work. */
export const thirty = snapshotOf(
  runOf(
    Array.from({ length: 30 }, (_, n) => {
      const state = stateOf(n);
      const begun = state !== 'planned';
      return step(n % 3 === 0 ? longName(n + 1) : `202603${String(n + 1).padStart(2, '0')}101500-orders.js`, {
        state,
        startedAt: begun ? at(n * 4) : null,
        endedAt: state === 'applied' ? at(n * 4 + 3.2) : null,
        processed: state === 'running' ? 12_000 : 0,
        total: state === 'running' ? 48_000 : null,
        rate: state === 'running' ? 3_100 : 0,
        etaSeconds: state === 'running' ? 11 : null,
        batchMs: state === 'running' ? 31 : 0,
        checks: begun ? goodChecks : [],
        activity: state === 'running' ? 'Changing documents of orders, range 3 of 12' : undefined,
      });
    }),
  ),
  { log: thousandLines.slice(0, 40).map((line, n) => ({ ...line, step: longName((n % 6) * 3 + 1) })), rates },
);

/** Written to the end, found wrong, taken back. */
export const unverified = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'rolled-back',
        startedAt: at(0),
        endedAt: at(3.9),
        processed: 3_201,
        total: 3_201,
        checks: goodChecks,
        verification: [
          {
            id: 'count',
            check: 'Every document was handled',
            severity: 'error',
            outcome: 'passed',
            details: '3,201 of 3,201',
            durationMs: 4,
          },
          {
            id: 'author',
            check: 'Release dates are Dates',
            severity: 'error',
            outcome: 'failed',
            details: `17 documents of movies still hold a string in "Release Date": ${Array.from({ length: 17 }, (_, n) => `65e2f3c9a1b2c3d4e5f6${String(n).padStart(4, '0')}`).join(', ')}`,
            action: 'Take the formats "Spring 1998" and "TBD" into the transform.',
            durationMs: 21,
          },
        ],
        error: {
          user: true,
          message:
            'The verification failed: Release dates are Dates: 17 documents of movies still hold a string.',
        },
      }),
    ],
    { state: 'rolled-back', endedAt: at(4.4) },
  ),
  { log: thousandLines.slice(0, 4), rates: [0, 900, 2100, 3201] },
);

/** For the same tests as those of `allSnapshots`. */
export const largeSnapshots = { longest, thirty, unverified } satisfies Record<string, RunSnapshot>;
