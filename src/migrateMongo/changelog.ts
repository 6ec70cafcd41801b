// The state of every file against the changelog, as migrate-mongo's `status` gives it. Two things are judged more
// carefully: a row without a hash counts as applied although hashes are asked for since, and a date that is text is shown.
import type { Db, Document } from 'mongodb';
import { type CallOptions, type MigrateMongoConfig, readConfig, settingsFrom } from './config';
import { fileHash, fileNames, folderOf } from './folder';

export interface StatusItem {
  fileName: string;
  /** SHA-256 (hex) of the file, with `useFileHash`. */
  fileHash?: string;
  /** ISO date, or `PENDING`. */
  appliedAt: string;
  /** What was applied by one `up` has one number. */
  migrationBlock: number | undefined;
}

export const pending = 'PENDING';

/** What is worth saying about a changelog, in one sentence each. */
export type Warn = (sentence: string) => void;

export async function status(db: Db, options: CallOptions = {}, warn?: Warn): Promise<StatusItem[]> {
  return statusOf(db, await readConfig(options), options, warn);
}

/** The same with a config that is read already. */
export async function statusOf(
  db: Pick<Db, 'collection'>,
  config: MigrateMongoConfig,
  options: CallOptions,
  warn: Warn = () => undefined,
): Promise<StatusItem[]> {
  folderOf(config);
  const { ledger, migrateMongo } = settingsFrom(config, options, { connection: false });
  const names = await fileNames(config);
  const rows = await db
    .collection(ledger)
    .find({}, { projection: { 'migratory.source': 0 } })
    .toArray();
  if (!migrateMongo.useFileHash) return names.map((name) => item(name, rowOf(rows, name)));
  const unhashed = names.filter((name) => rowOf(rows, name)?.['fileHash'] === undefined && rowOf(rows, name));
  if (unhashed.length > 0) warn(withoutHash(unhashed.length));
  return Promise.all(
    names.map(async (name) => {
      const hash = await fileHash(config, name);
      return item(name, rowOf(rows, name, hash), hash);
    }),
  );
}

/** The row of a file; with a hash the one of this content, or one that has none. */
function rowOf(rows: readonly Document[], name: string, hash?: string): Document | undefined {
  const named = rows.filter((row) => row['fileName'] === name);
  if (hash === undefined) return named[0];
  return named.find((row) => row['fileHash'] === hash) ?? named.find((row) => row['fileHash'] === undefined);
}

function withoutHash(count: number): string {
  const what = count === 1 ? '1 applied migration has' : `${count} applied migrations have`;
  return `${what} no hash in the changelog, since useFileHash was switched on later. They count as applied and are not run again.`;
}

function item(fileName: string, row: Document | undefined, hash?: string): StatusItem {
  const block: unknown = row?.['migrationBlock'];
  return {
    fileName,
    ...(hash === undefined ? {} : { fileHash: hash }),
    appliedAt: row ? dateText(row['appliedAt']) : pending,
    migrationBlock: block == null ? undefined : Number(block),
  };
}

function dateText(value: unknown): string {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toJSON() : String(value);
}
