// The first thing of every step: its migration, out of its file or out of the ledger.
import type { LoadedMigration } from '../migration/kinds';
import { type AppliedVersion, sayApplied } from './appliedVersion';
import type { CatalogueEntry } from './catalogue';
import { isPython } from './loadFile';
import type { MigrationSet } from './migrationSet';
import { checkPython } from './python/check';
import type { RunScope } from './scope';

/** The version that was applied where a rollback takes that one, else the file's. */
export async function loadStep(
  { recorder }: RunScope,
  { entry, applied }: { entry: CatalogueEntry; applied?: AppliedVersion },
  set: MigrationSet,
): Promise<LoadedMigration> {
  // A file that Python alone can read says nothing before there is one.
  if (isPython(entry.file))
    await checkPython(set, (result) => recorder.check(recorder.step(entry.name), result));
  if (!applied || !set.loadApplied) return set.load(entry);
  recorder.log('info', sayApplied(applied), entry.name);
  return set.loadApplied(applied);
}
