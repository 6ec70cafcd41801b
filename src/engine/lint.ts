// Lint of one migration as checks of `validate`, with what the database knows: its version, its collections and their
// validators, duplicates under a unique index to come, and what the ledger says of the file.
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Db, Document } from 'mongodb';
import { isMigrationFileName } from '../migration/files';
import { answered } from '../migration/lint/answers';
import type { DuplicatesQuestion, Finding, LintContext } from '../migration/lint/finding';
import { Lines } from '../migration/lint/lines';
import { lintSource } from '../migration/lint/lint';
import { lintRules } from '../migration/lint/rules';
import type { CheckResult } from '../protocol/run';
import type { RunScope } from './scope';
import type { PlannedStep } from './plannedStep';

/** A look for duplicates takes no longer; what it could not tell stays as it was found. */
const longestLookMs = 10_000;

/** One result for each finding, in the order of the text, or one that says that there is none. */
export async function lintStep(
  scope: RunScope,
  { entry, state }: PlannedStep,
  tell: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  // A migration that a program hands over has no text of its own.
  if (entry.file === '') return [];
  const { connection, settings, recorder } = scope;
  const text = entry.source.toString('utf8');
  const found = lintSource(text, entry.file, {
    ...(await readCatalogue(connection.db)),
    levels: settings.lint,
    serverVersion: connection.server.vendor === 'mongodb' ? connection.server.version : undefined,
    database: connection.db.databaseName,
    changed: new Set(state === 'changed' ? [entry.name] : []),
    outOfOrder: new Set(state === 'out-of-order' ? [entry.name] : []),
    files: neighbours(entry.file),
  });
  // What is about the whole file is said once.
  const isFirst = recorder.document.steps.find(({ file }) => file === entry.file)?.name === entry.name;
  const own = found.filter(({ index }) => (index === undefined ? isFirst : index === entry.index));
  const settled = await Promise.all(own.map((finding) => settle(finding, connection.db)));
  const lines = new Lines(text);
  const results = settled.flatMap((finding) => (finding ? resultOf(finding, entry.file, lines) : []));
  if (results.length === 0) results.push(nothingFound);
  results.forEach(tell);
  return results;
}

const nothingFound: CheckResult = {
  id: 'lint',
  check: 'Lint',
  severity: 'info',
  outcome: 'passed',
  details: 'Nothing was found.',
};

function resultOf(finding: Finding, file: string, lines: Lines): CheckResult {
  const { rule, severity, message, action, start } = finding;
  return {
    id: rule,
    check: `${rule}: ${lintRules[rule].title}`,
    severity: severity === 'error' ? 'error' : severity === 'hint' ? 'info' : 'warning',
    outcome: 'failed',
    details: message,
    action,
    file,
    line: lines.lineOf(start) + 1,
    column: lines.columnOf(start) + 1,
  };
}

/** What lint can know of a database without reading a document. */
export async function readCatalogue(db: Db): Promise<Pick<LintContext, 'collections' | 'schemas'>> {
  try {
    const rows = await db.listCollections({}, { maxTimeMS: longestLookMs }).toArray();
    const schemas: Record<string, unknown> = {};
    for (const { name, ...more } of rows) {
      const { options } = more as { options?: { validator?: Document } };
      const schema: unknown = options?.validator?.['$jsonSchema'];
      if (schema) schemas[name] = schema;
    }
    return { collections: rows.map(({ name }) => name), schemas };
  } catch {
    // Who may not list collections gets the rules that need none.
    return {};
  }
}

function neighbours(file: string): string[] {
  try {
    return readdirSync(dirname(file)).filter((name) => isMigrationFileName(name));
  } catch {
    return [];
  }
}

/** The finding once the database was asked, or nothing when the answer takes it away. */
async function settle(finding: Finding, db: Db): Promise<Finding | undefined> {
  if (!finding.question) return finding;
  try {
    const groups = await duplicates(finding.question, db);
    return answered(finding, groups);
  } catch {
    return finding;
  }
}

/**
 * How many values stand in more than one document; null where only building the index can tell, or where the collection
 * holds more documents than `most`.
 */
export async function duplicates(
  { collection, fields }: Omit<DuplicatesQuestion, 'type'>,
  db: Db,
  { maxTimeMS = longestLookMs, most = Infinity }: { maxTimeMS?: number; most?: number } = {},
): Promise<number | null> {
  const options = { maxTimeMS, allowDiskUse: true };
  if (most < Infinity && (await db.collection(collection).estimatedDocumentCount({ maxTimeMS })) > most)
    return null;
  // Of an array each element counts.
  const arrays = fields.flatMap((field) =>
    field.split('.').map((_part, at, parts) => ({ [parts.slice(0, at + 1).join('.')]: { $type: 'array' } })),
  );
  if (await db.collection(collection).findOne({ $or: arrays }, options)) return null;
  const key = Object.fromEntries(fields.map((field, position) => [`k${position}`, `$${field}`]));
  const [row] = await db
    .collection(collection)
    .aggregate<{ groups: number }>(
      [{ $group: { _id: key, count: { $sum: 1 } } }, { $match: { count: { $gt: 1 } } }, { $count: 'groups' }],
      options,
    )
    .toArray();
  return row?.groups ?? 0;
}
