// The quarantine as people see it: what is in it, and forgetting it. Trying again is a run (execute.ts).
import type { Db, Document, Filter, FindOptions } from 'mongodb';
import { ExitCode, UserError, type ErrorLocation } from '../protocol/errors';
import type { RunStep } from '../protocol/run';
import { quarantineCollection, withIds } from '../transfer/quarantine';
import { callOf } from './helpers/calls';
import { decodeExact, extendedJson, fromExtendedJson, rawToExtendedJson } from './documents';

export interface QuarantineItem {
  run: string;
  step: string;
  collection: string;
  /** Canonical Extended JSON. */
  id: unknown;
  reason: string;
  at: string;
  /** Where in the author's file it failed, where that is known. */
  file?: string;
  line?: number;
  column?: number;
}

/** What is meant of it: of one migration, of these `_id`s (Extended JSON); everything without them. */
export interface QuarantineChoice {
  step?: string;
  documents?: readonly unknown[];
}

/** Documents in quarantine, oldest first. */
export function listQuarantine(db: Db, choice: QuarantineChoice = {}): Promise<QuarantineItem[]> {
  return find(db, chosen(choice));
}

/** What lies there from these runs, the newest `limit` of them, oldest first. */
export async function quarantineOfRuns(db: Db, runs: string[], limit: number): Promise<QuarantineItem[]> {
  return (await find(db, { run: { $in: runs } }, { sort: { at: -1 }, limit })).toReversed();
}

/** One of them, as it was when it failed and as it is now, in canonical Extended JSON; null where it is not there. */
export async function quarantinedDocument(
  db: Db,
  { step, collection, id }: Pick<QuarantineItem, 'step' | 'collection' | 'id'>,
): Promise<{ kept: unknown; current: unknown }> {
  // An `_id` that is a document may begin like a filter.
  const same = { $eq: fromExtendedJson(id) };
  const newest = { raw: true, sort: { at: -1 } } as const;
  const [row, current] = await Promise.all([
    db.collection(quarantineCollection).findOne({ ...ofStep(step), collection, id: same }, newest),
    db.collection(collection).findOne({ _id: same } as Filter<Document>, { raw: true }),
  ]);
  const kept: unknown = row && decodeExact(row as unknown as Uint8Array)['document'];
  return {
    kept: kept === null || kept === undefined ? null : extendedJson(kept),
    current: rawToExtendedJson(current as unknown as Uint8Array | null),
  };
}

/**
 * How many documents lie there, by migration; those of the helpers of a script count for it.
 * @param documents only these `_id`s (Extended JSON).
 */
export async function countQuarantine(db: Db, documents?: readonly unknown[]): Promise<Map<string, number>> {
  const counts = await db
    .collection(quarantineCollection)
    .aggregate<{ _id: string; count: number }>([
      { $match: chosen({ documents }) },
      { $group: { _id: '$step', count: { $sum: 1 } } },
    ])
    .toArray();
  const byMigration = new Map<string, number>();
  for (const { _id, count } of counts) {
    const name = callOf(_id)?.step ?? _id;
    byMigration.set(name, (byMigration.get(name) ?? 0) + count);
  }
  return byMigration;
}

async function find(
  db: Db,
  filter: Filter<Document>,
  options: FindOptions = { sort: { at: 1 } },
): Promise<QuarantineItem[]> {
  const rows = await db
    .collection(quarantineCollection)
    .find(filter, { ...options, projection: { document: 0 }, promoteValues: false })
    .toArray();
  return rows.map((row) => ({
    run: String(row['run']),
    step: String(row['step']),
    collection: String(row['collection']),
    id: extendedJson(row['id']),
    reason: String(row['reason']),
    at: (row['at'] as Date).toISOString(),
    ...placeOf(row['place']),
  }));
}

/** What the log says at the end of a step that has some. */
export function inQuarantine(count: number): string {
  const what = count === 1 ? '1 document is' : `${count} documents are`;
  return `${what} in quarantine: see them with \`migratory quarantine list\`, mend the cause, then retry.`;
}

/** What was named is not there: it was retried or discarded before, or is called otherwise. */
export function notInQuarantine(documents: readonly unknown[], step?: string): UserError {
  const ids = documents.map((id) => JSON.stringify(id)).join(', ');
  const where = step === undefined ? '' : ` of "${step}"`;
  return new UserError(
    `Nothing with the _id ${ids}${where} is in quarantine. \`migratory quarantine list\` shows what is.`,
    { exitCode: ExitCode.usage },
  );
}

/** The place as it lies there: figures come with their BSON types. */
function placeOf(place: unknown): Partial<ErrorLocation> {
  if (typeof place !== 'object' || place === null) return {};
  const { file, line, column } = place as Record<string, unknown>;
  if (typeof file !== 'string') return {};
  const figure = (value: unknown): number | undefined => (value === undefined ? undefined : Number(value));
  return { file, line: figure(line), column: figure(column) };
}

/** Forgets them: the documents stay as they are. @returns how many. */
export async function discardQuarantine(db: Db, choice: QuarantineChoice): Promise<number> {
  return (await db.collection(quarantineCollection).deleteMany(chosen(choice))).deletedCount;
}

/** What is not applied has nothing to retry: its next run takes these documents up anyway. */
export async function forgetQuarantine(db: Db, step: RunStep): Promise<void> {
  await discardQuarantine(db, { step: step.name });
  step.quarantined = 0;
}

function chosen({ step, documents }: QuarantineChoice): Filter<Document> {
  return { ...ofStep(step), ...withIds(documents?.map(fromExtendedJson)) };
}

/** Of the step itself and of the helpers of `ctx` in it, which are named `<step>#convert-1`. */
function ofStep(step: string | undefined): Filter<Document> {
  if (step === undefined) return {};
  return { $or: [{ step }, { step: { $gte: `${step}#`, $lt: `${step}$` } }] };
}
