// What counts as applied since all that it stands for is, gets a row of its own with the next `up`: then it stays applied
// when its file says no more what it stands for.
import { markedEntry } from '../ledgerEntry';
import { openLedger } from '../scope';
import type { Project, ProjectState } from '../selection';

/** Under the lease. @param id of the run that finds it. */
export async function recordCounted(
  { connection, settings }: Project,
  { rows, entries }: ProjectState,
  id: string,
): Promise<void> {
  const ledger = openLedger(connection.db, settings);
  for (const { name, appliedAt } of rows.filter(({ counted }) => counted)) {
    const entry = entries.find((one) => one.name === name);
    if (entry)
      await ledger.record({ ...markedEntry(entry, id, new Date()), appliedAt: appliedAt ?? undefined });
  }
}
