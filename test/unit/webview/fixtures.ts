// Snapshots of runs in their typical states, for the panel's tests and pictures. Nothing in src/ uses them.
import type {
  ConflictEvent,
  DryRunReport,
  QuarantinedEvent,
  RunSnapshot,
} from '../../../src/protocol/events';
import type { CheckResult, RunDocument, RunStep } from '../../../src/protocol/run';

const start = Date.parse('2026-03-02T09:41:07.000Z');
const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();

export const goodChecks: CheckResult[] = [
  check('server', 'Server is reachable', 'passed', 'MongoDB 6.0.27, replica set rs0'),
  check('source-exists', 'Source data exists', 'passed', '3,201 documents match in movies'),
  check('privileges', 'Privileges suffice', 'passed', 'find, insert, update and remove on shop'),
  check('disk-space', 'Sufficient disk space', 'passed', '41.2 GB free, the source has 1.1 MB'),
  check('transform-sample', 'Transform works on samples', 'passed', '10 of 10 documents'),
];

export const indexWarning: CheckResult = {
  ...check(
    'index',
    'Index {"Release Date":1} exists',
    'failed',
    'No index of movies begins with "Release Date".',
  ),
  severity: 'warning',
  action: 'Create it first: db.movies.createIndex({"Release Date":1}).',
};

const failedCheck: CheckResult = {
  ...check(
    'privileges',
    'Privileges suffice',
    'failed',
    'The user may not write to shop: "remove" on movies is missing.',
  ),
  action: 'Ask for the role readWrite on shop, or choose another connection.',
};

const skippedCheck = check('replica-lag', 'Secondaries keep up', 'skipped', 'There is only one node.');

function check(id: string, words: string, outcome: CheckResult['outcome'], details: string): CheckResult {
  return { id, check: words, severity: 'error', outcome, details, durationMs: 3 };
}

export function step(name: string, change: Partial<RunStep> = {}): RunStep {
  return {
    name,
    file: `/work/shop/migrations/${name}`,
    kind: 'transform',
    state: 'planned',
    startedAt: null,
    endedAt: null,
    processed: 0,
    total: null,
    rate: 0,
    etaSeconds: null,
    batchMs: 0,
    errors: 0,
    quarantined: 0,
    conflicts: 0,
    checks: [],
    verification: [],
    error: null,
    ...change,
  };
}

export function runOf(steps: RunStep[], change: Partial<RunDocument> = {}): RunDocument {
  return {
    _id: '65e2f3c9a1b2c3d4e5f60718',
    state: 'running',
    direction: 'up',
    mode: 'up',
    connection: 'mongodb://localhost:27017/shop',
    connectionName: 'local',
    database: 'shop',
    target: 'shop on localhost:27017',
    host: 'build-07',
    pid: 4711,
    program: 'vscode',
    startedAt: at(0),
    endedAt: null,
    heartbeatAt: at(72),
    steps,
    control: null,
    error: null,
    ...change,
  };
}

export function snapshotOf(run: RunDocument, change: Partial<RunSnapshot> = {}): RunSnapshot {
  return { run, log: [], reports: [], conflicts: [], quarantined: [], rates: [], ...change };
}

/** A rate that rises, dips once and holds, as a real one does; always the same. */
export const rates = Array.from({ length: 48 }, (_, second) => {
  const rise = Math.min(1, second / 9);
  const dip = second > 24 && second < 30 ? 0.45 : 1;
  return Math.round(12_400 * rise * dip + 900 * Math.sin(second * 1.7) + 400 * Math.cos(second * 0.6));
}).map((value) => Math.max(0, value));

const runningLog: RunSnapshot['log'] = [
  {
    at: at(0),
    level: 'info',
    message: 'Connected to shop on localhost:27017 (MongoDB 6.0.27, replica set rs0)',
  },
  { at: at(1), level: 'info', message: '6 checks: 5 passed, 1 warning' },
  {
    at: at(1),
    level: 'warn',
    message: 'No index of cities begins with "population"; the whole collection is scanned.',
  },
  {
    at: at(2),
    level: 'info',
    message: 'Changing 138,398 documents in 12 ranges; pre-images go to the journal',
  },
  { at: at(31), level: 'info', message: 'Range 5 of 12 done' },
  { at: at(44), level: 'error', message: 'cities 3114711: population is "unknown", put into quarantine' },
];

const largeStep = step('20260302094107-population-buckets.js', {
  state: 'running',
  startedAt: at(1),
  processed: 59_340,
  total: 138_398,
  rate: 11_870,
  etaSeconds: 6.7,
  batchMs: 48,
  quarantined: 1,
  checks: [...goodChecks, { ...indexWarning, check: 'Index {"population":1} exists' }],
  activity: 'Changing documents of cities, range 6 of 12',
});

const oneInQuarantine: QuarantinedEvent = {
  type: 'quarantined',
  run: '65e2f3c9a1b2c3d4e5f60718',
  at: at(44),
  step: largeStep.name,
  collection: 'cities',
  id: { $numberInt: '3114711' },
  reason: 'population is "unknown", which is no number',
  file: '/work/shop/migrations/20260302094107-population-buckets.js',
  line: 18,
  column: 13,
};

export const running = snapshotOf(runOf([largeStep]), {
  log: runningLog,
  rates,
  quarantined: [oneInQuarantine],
});

/** Held back to a tenth of what it did before. */
export const throttled = snapshotOf(
  runOf([{ ...largeStep, rate: 1_000, etaSeconds: 79, batchMs: 12, quarantined: 0 }], {
    throttle: { docsPerSecond: 1_000, maxLagSeconds: 10 },
  }),
  { log: runningLog.slice(0, 5), rates: [...rates, 6_000, 1_000, 1_010, 990, 1_000, 1_000, 1_005] },
);

/** Failed after 41,200 documents, which are back as they were. */
export const undone = snapshotOf(
  runOf(
    [
      {
        ...largeStep,
        state: 'rolled-back',
        endedAt: at(9),
        processed: 41_200,
        total: 41_200,
        rate: 0,
        etaSeconds: null,
        quarantined: 0,
        checks: goodChecks,
        error: {
          name: 'TypeError',
          message: "Cannot read properties of undefined (reading 'toFixed')",
          file: '/work/shop/migrations/20260302094107-population-buckets.js',
          line: 12,
          column: 38,
          stack:
            "TypeError: Cannot read properties of undefined (reading 'toFixed')\n    at transform (/work/shop/migrations/20260302094107-population-buckets.js:12:38)",
        },
      },
    ],
    { state: 'rolled-back', endedAt: at(9.2) },
  ),
  {
    log: [
      ...runningLog.slice(0, 4),
      {
        at: at(7),
        level: 'error',
        message:
          "Cannot read properties of undefined (reading 'toFixed'). What was changed so far is rolled back.",
      },
    ],
    quarantined: [oneInQuarantine],
    rates: [2_100, 6_400, 11_800, 12_300, 9_000, 12_100, 12_200],
  },
);

export const production = snapshotOf(
  runOf([{ ...largeStep, state: 'paused', rate: 0, etaSeconds: null }], {
    state: 'paused',
    production: true,
    target: 'shop on cluster0.example.net',
  }),
  { log: runningLog, rates },
);

export const checking = snapshotOf(
  runOf(
    [
      step('20260302094107-population-buckets.js', {
        state: 'checking',
        startedAt: at(0),
        checks: goodChecks.slice(0, 2),
      }),
    ],
    {
      state: 'checking',
    },
  ),
);

export const applied = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'applied',
        startedAt: at(0),
        endedAt: at(1.9),
        processed: 3_201,
        total: 3_201,
        batchMs: 61,
        checks: goodChecks,
        verification: [
          check('count', 'Every document was handled', 'passed', '3,201 of 3,201'),
          check('author', 'Release dates are Dates', 'passed', 'No string is left in "Release Date".'),
        ],
      }),
    ],
    { state: 'applied', endedAt: at(2.4) },
  ),
  {
    log: [
      { at: at(0), level: 'info', message: 'Changing 3,201 documents of movies' },
      { at: at(2), level: 'info', message: 'Applied in 1.9s' },
    ],
    rates: [0, 900, 2100, 3201],
  },
);

export const failed = snapshotOf(
  runOf(
    [
      step('20260305080000-split-names.ts', {
        kind: 'script',
        state: 'failed',
        startedAt: at(0),
        endedAt: at(4),
        processed: 2_000,
        total: 3_201,
        errors: 1,
        checks: [...goodChecks, indexWarning],
        error: {
          name: 'MongoServerError',
          code: 11000,
          message:
            'E11000 duplicate key error collection: shop.people index: slug_1 dup key: { slug: "jane-doe" }',
          file: '/work/shop/migrations/20260305080000-split-names.ts',
          line: 27,
          column: 11,
          stack:
            'MongoServerError: E11000 duplicate key error\n    at split (/work/shop/migrations/20260305080000-split-names.ts:27:11)\n    at up (/work/shop/migrations/20260305080000-split-names.ts:12:5)',
          cause: {
            message: 'two people share the slug "jane-doe"',
            file: '/work/shop/migrations/slug.ts',
            line: 8,
          },
          action: {
            label: 'Make the slug unique, or remove the index slug_1 first.',
            cli: 'migratory dry-run',
          },
        },
      }),
    ],
    { state: 'failed', endedAt: at(4.2), program: 'cli' },
  ),
  { log: runningLog.slice(0, 3), rates: [100, 500, 700, 600] },
);

const oid = (n: number): { $oid: string } => ({
  $oid: `65e2f3c9a1b2c3d4e5f6${n.toString(16).padStart(4, '0')}`,
});
const date = (iso: string): object => ({ $date: { $numberLong: String(Date.parse(iso)) } });

const movieDiff = (n: number, title: string, words: string, iso: string): DryRunReport['diffs'][number] => {
  const rest = {
    Title: title,
    'US Gross': { $numberInt: String(146_083 * n) },
    'IMDB Rating': { $numberDouble: '6.1' },
    Distributor: 'Gramercy',
    Director: null,
  };
  return {
    collection: 'movies',
    id: oid(n),
    before: { _id: oid(n), ...rest, 'Release Date': words, 'Major Genre': 'Drama' },
    after: { _id: oid(n), ...rest, 'Release Date': date(iso), year: { $numberInt: iso.slice(0, 4) } },
  };
};

export const report: DryRunReport = {
  step: '20260301101500-release-dates.js',
  kind: 'transform',
  succeeded: true,
  error: null,
  sampled: { documents: 1_000, of: 3_201, complete: false },
  commands: { find: 12, update: 1_000, insert: 12, createIndexes: 1 },
  collections: [
    {
      collection: 'movies',
      scanned: 1_000,
      changed: 994,
      inserted: 0,
      deleted: 0,
      indexes: ['index {"Release Date":1} is created'],
      options: [],
    },
    {
      collection: 'releases',
      scanned: 0,
      changed: 0,
      inserted: 71,
      deleted: 0,
      indexes: [],
      options: ['collection is created'],
    },
  ],
  diffs: [
    movieDiff(1, 'The Land Girls', 'Jun 12 1998', '1998-06-12T00:00:00Z'),
    movieDiff(2, 'First Love, Last Rites', 'Aug 07 1998', '1998-08-07T00:00:00Z'),
  ],
  refusedByValidator: 6,
  repeatable: { answer: 'yes', details: 'A second run changed nothing.' },
  reversible: { answer: 'no', details: 'After down, 994 documents lack "Major Genre".' },
  estimate: { documents: 3_201, seconds: 4.2, growthBytes: -18_400 },
  warnings: ['The migration called fetch("https://api.example.com/rates"); a rehearsal cannot undo that.'],
};

export const dryRun = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'applied',
        startedAt: at(0),
        endedAt: at(3.1),
        processed: 1_000,
        total: 1_000,
        errors: 1,
        quarantined: 1,
        checks: [...goodChecks, indexWarning],
      }),
    ],
    { mode: 'dry-run', state: 'applied', endedAt: at(3.4) },
  ),
  {
    reports: [report],
    quarantined: [{ ...oneInQuarantine, step: report.step, collection: 'movies' }],
    log: runningLog.slice(0, 2),
  },
);

const conflictRows: ConflictEvent[] = [3, 4].map((n) => ({
  type: 'conflict',
  run: '65e2f3c9a1b2c3d4e5f60718',
  at: at(60 + n),
  step: '20260302094107-population-buckets.js',
  collection: 'cities',
  id: { $numberInt: String(3_114_711 + n) },
  reason: '"bucket" was changed by another program after the migration wrote it.',
  before: { population: { $numberInt: '4290' } },
  current: n === 4 ? null : { population: { $numberInt: '4312' }, bucket: 'village' },
}));

const quarantinedRows: QuarantinedEvent[] = Array.from({ length: 120 }, (_, n) => ({
  type: 'quarantined',
  run: '65e2f3c9a1b2c3d4e5f60718',
  at: at(10 + n),
  step: '20260302094107-population-buckets.js',
  collection: 'cities',
  id: { $numberInt: String(2_960_316 + n * 7) },
  reason: 'population is "unknown", which is no number',
  file: '/work/shop/migrations/20260302094107-population-buckets.js',
  line: 18,
  column: 13,
}));

export const several = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'applied',
        startedAt: at(0),
        endedAt: at(1.9),
        processed: 3_201,
        total: 3_201,
        checks: goodChecks,
      }),
      {
        ...largeStep,
        state: 'conflicts',
        endedAt: at(71),
        processed: 138_398,
        quarantined: 431,
        conflicts: 2,
        verification: [
          {
            ...check('count', 'Every document was handled', 'failed', '431 documents are in quarantine.'),
            severity: 'warning',
            action: 'Mend the migration, then retry them.',
          },
        ],
      },
      step('20260303120000-drop-legacy.py', { kind: 'script' }),
    ],
    { state: 'conflicts', direction: 'down', mode: 'down', endedAt: at(72) },
  ),
  {
    conflicts: conflictRows,
    quarantined: quarantinedRows,
    log: runningLog.map((line) => ({ ...line, step: largeStep.name })),
    rates,
  },
);

export const validated = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'failed',
        startedAt: at(0),
        endedAt: at(0.4),
        checks: [...goodChecks.slice(0, 2), skippedCheck, failedCheck, indexWarning, ...goodChecks.slice(3)],
      }),
    ],
    { mode: 'validate', state: 'failed', endedAt: at(0.4) },
  ),
);

/** A run that its own checks have stopped before anything was written. */
export const refused = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', {
        state: 'failed',
        startedAt: at(0),
        endedAt: at(0.6),
        checks: [
          ...goodChecks.slice(0, 2),
          failedCheck,
          {
            ...check('requires', 'Required migrations are applied', 'failed', 'Not applied yet: 1-base.js.'),
            action: 'Run these migrations first.',
            names: ['1-base.js'],
          },
          { ...indexWarning, severity: 'error' },
        ],
        error: {
          message:
            'A check failed: Privileges suffice: The user may not write to shop: "remove" on movies is missing. (and 2 more)',
          user: true,
        },
      }),
    ],
    { state: 'failed', endedAt: at(0.7) },
  ),
);

/** All documents handled but for those that the transform could not take. */
export const quarantined = snapshotOf(
  runOf(
    [
      {
        ...largeStep,
        state: 'applied',
        endedAt: at(13),
        processed: 138_395,
        total: 138_398,
        rate: 0,
        etaSeconds: null,
        errors: 3,
        quarantined: 3,
        checks: goodChecks,
      },
    ],
    { state: 'applied', endedAt: at(13.4) },
  ),
  {
    rates,
    log: runningLog.slice(0, 4),
    quarantined: [3_114_711, 2_960_316, 2_960_323].map((id) => ({
      ...oneInQuarantine,
      id: { $numberInt: String(id) },
    })),
  },
);

/** A rehearsal of several, of which two have failed. */
export const severalFailed = snapshotOf(
  runOf(
    [
      step('20260301101500-release-dates.js', { state: 'applied', startedAt: at(0), endedAt: at(3) }),
      step('20260302094107-population-buckets.js', {
        state: 'failed',
        startedAt: at(3),
        endedAt: at(5),
        checks: goodChecks,
        error: {
          name: 'TypeError',
          message: "Cannot read properties of undefined (reading 'toFixed')",
          file: '/work/shop/migrations/20260302094107-population-buckets.js',
          line: 12,
          column: 38,
        },
      }),
      step('20260305080000-split-names.ts', {
        kind: 'script',
        state: 'failed',
        startedAt: at(5),
        endedAt: at(6),
        error: {
          name: 'MongoServerError',
          code: 11000,
          message: 'E11000 duplicate key error collection: shop.people index: slug_1',
          document: { collection: 'people', id: oid(12) },
        },
      }),
    ],
    { mode: 'dry-run', state: 'failed', endedAt: at(6.2) },
  ),
);

export const interrupted = snapshotOf(
  runOf([{ ...largeStep, state: 'interrupted', rate: 0, etaSeconds: null, activity: undefined }], {
    state: 'interrupted',
    program: 'cli',
  }),
  { log: runningLog, rates },
);

export const allSnapshots = {
  checking,
  running,
  throttled,
  undone,
  refused,
  quarantined,
  production,
  applied,
  failed,
  'dry-run': dryRun,
  several,
  validated,
  'several-failed': severalFailed,
  interrupted,
} satisfies Record<string, RunSnapshot>;
