// Checks what an author (or a program) handed over as a migration and gives it its name and kind.
import type { ErrorLocation } from '../protocol/errors';
import { UserError } from '../protocol/errors';
import { describeType } from './describeType';
import type { LoadedMigration, Migration, MigrationKind } from './kinds';

export interface Origin {
  /** What messages call the place: `migrations/001.js`, or `the array`. */
  place: string;
  /** Position, and out of how many; messages count from 1. */
  index: number;
  count: number;
  /** The name of a migration that has none, where one may go without. */
  fallbackName?: string;
  file?: string;
}

/**
 * @throws UserError for everything that is no migration of a known kind, with the field that is wrong.
 */
export function classifyMigration(value: unknown, origin: Origin): LoadedMigration {
  const fail = (problem: string, label: string): never => {
    const location: ErrorLocation | undefined = origin.file === undefined ? undefined : { file: origin.file };
    throw new UserError(`${subject(origin)} ${problem}.`, { action: { label }, location });
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail(`is ${describeType(value)}, not an object`, 'Export { up, down }');
  }
  const fields = value as Record<string, unknown>;
  const kind = kindOf(fields, fail);
  for (const [field, rule] of [...commonRules, ...rulesOf[kind]]) {
    const given = fields[field];
    if (given === undefined || given === null || rule.accepts(given)) continue;
    fail(
      `has a field "${field}" that is ${describeType(given)}; it must be ${rule.expected}`,
      `Correct ${field}`,
    );
  }
  const { name } = fields;
  const own = typeof name === 'string' ? name : undefined;
  const fallback = origin.count > 1 ? undefined : origin.fallbackName;
  return {
    name: own ?? fallback ?? fail('has no name, and beside others it needs one', 'Give it a name'),
    kind,
    ...(origin.file === undefined ? {} : { file: origin.file }),
    index: origin.index,
    definition: value as Migration,
  };
}

/** @throws UserError when two migrations have one name; the message says where they stand. */
export function checkNames(
  migrations: readonly LoadedMigration[],
  place = (file: string): string => file,
): void {
  const seen = new Map<string, LoadedMigration>();
  for (const migration of migrations) {
    const other = seen.get(migration.name);
    seen.set(migration.name, migration);
    if (!other) continue;
    const [first, second] = [other, migration].map(({ file }) =>
      file === undefined ? 'the list' : place(file),
    );
    const where = first === second ? `both in ${first}` : `in ${first} and in ${second}`;
    throw new UserError(`Two migrations are called "${migration.name}": ${where}.`, {
      action: { label: 'Rename one of them' },
      location: migration.file === undefined ? undefined : { file: migration.file },
    });
  }
}

function subject({ place, index, count }: Origin): string {
  return count > 1 ? `Migration ${index + 1} of ${place}` : place;
}

function kindOf(
  fields: Record<string, unknown>,
  fail: (problem: string, label: string) => never,
): MigrationKind {
  const has = (field: string): boolean => fields[field] !== undefined && fields[field] !== null;
  if (!has('source')) {
    if (has('up')) return 'script';
    if (has('transform') || has('update') || has('pipeline')) {
      fail('says how documents change but not in which collection', 'Add source: the collection');
    }
    fail('has neither "up" nor "source", so there is nothing to run', 'Add an up function');
  }
  if (has('up'))
    fail('has both "up" and "source"; it can be a script or a transform, not both', 'Remove one');
  const ways = ['transform', 'update', 'pipeline'].filter(has);
  const [way] = ways;
  if (way === undefined) {
    fail('has a "source" but neither "transform", "update" nor "pipeline"', 'Add a transform function');
  }
  if (ways.length > 1)
    fail(`has both "${ways[0]}" and "${ways[1]}"; only one can change the documents`, 'Remove one');
  if (way !== 'pipeline') return 'transform';
  if (!has('into')) fail('has a "pipeline" but no "into", the collection it writes to', 'Add into');
  return 'pipeline';
}

interface Rule {
  expected: string;
  accepts(value: unknown): boolean;
}

const text: Rule = { expected: 'a string', accepts: (value) => typeof value === 'string' };
const name: Rule = {
  expected: 'a string that is not empty',
  accepts: (value) => typeof value === 'string' && value.trim() !== '',
};
const fn: Rule = { expected: 'a function', accepts: (value) => typeof value === 'function' };
const flag: Rule = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
const object: Rule = {
  expected: 'an object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};
const stages: Rule = {
  expected: 'an array of stages, such as [{ $set: { … } }]',
  accepts: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((stage) => object.accepts(stage)),
};
const strings: Rule = {
  expected: 'an array of names',
  accepts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};
const keys: Rule = {
  expected: 'an array of key patterns, such as [{ status: 1 }]',
  accepts: (value) => Array.isArray(value) && value.every((item) => object.accepts(item)),
};

function wholeNumber(least: number): Rule {
  return {
    expected: `a whole number of at least ${least}`,
    accepts: (value) =>
      typeof value === 'number' && value >= least && (Number.isInteger(value) || value === Infinity),
  };
}

function oneOf(...values: string[]): Rule {
  const list = values.map((value) => `"${value}"`);
  return {
    expected: `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

function either(expected: string, ...rules: Rule[]): Rule {
  return { expected, accepts: (value) => rules.some((rule) => rule.accepts(value)) };
}

const commonRules: [field: string, rule: Rule][] = [
  ['name', name],
  ['description', text],
  ['irreversible', either('true or the reason', flag, name)],
  ['repeatable', flag],
  ['requires', strings],
  ['replaces', strings],
  ['validate', fn],
];

const rulesOf: Record<MigrationKind, [field: string, rule: Rule][]> = {
  script: [
    ['up', fn],
    ['down', fn],
    ['transaction', flag],
  ],
  transform: [
    ['source', name],
    ['filter', object],
    ['transform', fn],
    ['update', stages],
    ['into', name],
    ['revert', fn],
    ['revertPipeline', stages],
    ['requiredIndexes', keys],
    ['batchSize', wholeNumber(1)],
    ['onError', oneOf('stop', 'quarantine')],
    ['maxErrors', wholeNumber(0)],
    ['backup', oneOf('journal', 'none')],
  ],
  pipeline: [
    ['source', name],
    ['pipeline', stages],
    ['into', name],
    ['on', either('a field name or an array of them', name, strings)],
    [
      'whenMatched',
      either(
        `"replace", "keepExisting", "merge", "fail" or an update pipeline`,
        oneOf('replace', 'keepExisting', 'merge', 'fail'),
        stages,
      ),
    ],
    ['whenNotMatched', oneOf('insert', 'discard', 'fail')],
  ],
};
