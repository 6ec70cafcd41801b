// The version of a migration that was applied, out of the ledger: what `down` runs when the file has changed since or
// is gone. For the time of loading it stands beside the other migrations, so that its imports mean what they meant.
import { randomBytes } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isMigrationFileName } from '../migration/files';
import type { LoadedMigration } from '../migration/kinds';
import { UserError } from '../protocol/errors';
import type { MigrationStatus } from '../protocol/status';
import type { Ledger, LedgerRow } from './ledger';
import { loadFile, type LoadOptions } from './loadFile';

export interface AppliedVersion {
  name: string;
  /** Name of its file when it was applied. */
  file: string;
  source: Buffer;
  why: 'changed' | 'missing';
}

/**
 * The version to roll back with, where that is not the file as it is; undefined where it is.
 * @throws UserError when the file is gone and the ledger has kept nothing.
 */
export async function appliedVersion(
  { name, state, file, checksum }: MigrationStatus,
  row: LedgerRow | undefined,
  ledger: Pick<Ledger, 'source'>,
): Promise<AppliedVersion | undefined> {
  if (!row) return undefined;
  const missing = file === undefined;
  const conflicts = state === 'conflicts' && row.checksum !== undefined && row.checksum !== checksum;
  if (!missing && state !== 'changed' && !conflicts) return undefined;
  const source = await ledger.source(name);
  if (source) return { name, file: fileNameOf(row), source, why: missing ? 'missing' : 'changed' };
  if (!missing) return undefined;
  throw new UserError(
    `The file of "${name}" is gone, and the ledger keeps no copy of it, so it cannot be rolled back. Bring the file ` +
      'back from version control, or undo it by hand and mark it as pending.',
    { action: { label: 'Mark as Pending', cli: `migratory mark ${name} --pending` } },
  );
}

/** Rows of older programs know the migration only, which was named as its file. */
function fileNameOf({ file, name }: LedgerRow): string {
  const known = basename(file ?? name);
  return isMigrationFileName(known) ? known : `${known}.js`;
}

/**
 * Runs the source of an applied version and gives its migration.
 * @param dir folder of the migrations.
 * @throws UserError when the folder cannot be written, or the source holds no such migration.
 */
export async function loadAppliedVersion(
  { name, file, source }: AppliedVersion,
  { dir, ...options }: LoadOptions & { dir: string },
): Promise<LoadedMigration> {
  // A name that no program takes for a migration, with the extension that says how it is loaded.
  const hidden = join(dir, `.applied-${randomBytes(6).toString('hex')}${extname(file)}`);
  try {
    await writeFile(hidden, source, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new UserError(
      `The version of "${name}" that was applied has to be put into ${dir} while it loads, which is not possible: ` +
        `${(error as Error).message}.`,
      { cause: error },
    );
  }
  try {
    const loaded = await loadFile(hidden, { ...options, name: file });
    const found = loaded.find((migration) => migration.name === name);
    if (found) return found;
  } finally {
    await unlink(hidden);
  }
  throw new UserError(`The source of "${name}" in the ledger holds no migration of that name.`);
}

export function sayApplied({ why }: AppliedVersion): string {
  const reason = why === 'missing' ? 'its file is gone' : 'its file has changed since';
  return `The version that was applied is rolled back, out of the ledger: ${reason}.`;
}
