// What can be wrong with a config, as sentences that name the key, what is expected and the nearest known key.
import { closest } from 'fastest-levenshtein';
import * as v from 'valibot';
import type { ErrorLocation } from '../protocol/errors';
import { describeType } from '../migration/describeType';
import { ExitCode, UserError } from '../protocol/errors';
import { configSchema } from './schema';
import type { CheckedConfig } from './schema';

/** A UserError about a config file: exit code 2, with the file as its place. */
export function configError(
  file: string,
  message: string,
  label: string,
  more: { location?: Partial<ErrorLocation>; cause?: unknown } = {},
): UserError {
  return new UserError(message, {
    action: { label },
    exitCode: ExitCode.usage,
    location: { file, ...more.location },
    cause: more.cause,
  });
}

/**
 * Checks a config against the schema.
 * @param name what messages call it: `migratory.config.json`.
 * @param keyPath where in the file it stands, for the `migratory` key of migrate-mongo's config.
 * @throws UserError about the first thing that is wrong.
 */
export function checkConfig(
  value: unknown,
  file: string,
  name: string,
  keyPath: string[] = [],
): CheckedConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const where = keyPath.length === 0 ? name : `${keyPath.join('.')} in ${name}`;
    throw configError(
      file,
      `${where} holds ${describeType(value)} instead of an object.`,
      'Export an object',
    );
  }
  const result = v.safeParse(configSchema, value);
  if (result.success) return result.output;
  // A misspelt key is missed under its right name too: the misspelling is what has to be mended.
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0];
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const path = [...keyPath, ...keys].join('.');
  const last = keys.at(-1) ?? '';
  if (isUnknownKey(issue)) {
    const nearest = nearestKey(last, knownKeys(keys.slice(0, -1)));
    const message = `${name} has an unknown key "${path}"; did you mean "${nearest}"?`;
    throw configError(file, message, 'Correct the key');
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') {
    throw configError(file, `${name} has no "${path}".`, `Add ${last}`);
  }
  const found = describeType(issue.input);
  throw configError(
    file,
    `${name}: "${path}" is ${found}; it must be ${expectation(issue)}.`,
    `Correct ${last}`,
  );
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

function nearestKey(key: string, known: string[]): string {
  const lower = key.toLowerCase();
  const nearest = closest(
    lower,
    known.map((each) => each.toLowerCase()),
  );
  return known.find((each) => each.toLowerCase() === nearest) ?? nearest;
}

/** The keys that the schema knows at a path. */
function knownKeys(path: string[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    const { entries, value } = innermost(schema);
    schema = entries?.[key] ?? value;
  }
  return Object.keys(innermost(schema).entries ?? {}).filter((key) => key !== '$schema');
}

/** Looks through `optional` and `pipe` to the object or record inside. */
function innermost(schema: unknown): { entries?: Record<string, unknown>; value?: unknown } {
  let at = schema as { type: string; wrapped?: unknown; pipe?: unknown[]; entries?: Record<string, unknown> };
  while (at.type === 'optional') at = at.wrapped as typeof at;
  return at;
}

function expectation(issue: v.BaseIssue<unknown>): string {
  const { requirement } = issue;
  switch (issue.type) {
    case 'string':
      return 'a string';
    case 'non_empty':
      return 'a string that is not empty';
    case 'boolean':
      return 'true or false';
    case 'number':
    case 'integer':
      return 'a whole number';
    case 'min_value':
      return `at least ${String(requirement)}`;
    case 'gt_value':
      return `more than ${String(requirement)}`;
    case 'record':
    case 'strict_object':
      return 'an object';
    case 'union':
      return '"all" or a whole number';
    default:
      return (issue.expected ?? 'something else').replace(/[()]/g, '').replaceAll(' | ', ' or ');
  }
}
