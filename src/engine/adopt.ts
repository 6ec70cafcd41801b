// Taking over from another tool: what its ledger says is applied counts as applied here too, with its date. Nothing is run,
// and the other ledger stays as it is.
import { ExitCode, UserError } from '../protocol/errors';
import { findForeignLedgers, type ForeignLedger, matchRow } from './foreignLedgers';
import { underLease } from './lease';
import { markedEntry } from './ledgerEntry';
import { refuseReadOnly } from './readOnly';
import { newRunId } from './runDocument';
import { openLedger } from './scope';
import { type Project, type ProjectState, readState } from './selection';

export interface Adopted {
  /** As the other tool has written it down. */
  recorded: string;
  appliedAt: Date | null;
  /** The migration that it is here; null when no file, or more than one, fits. */
  name: string | null;
  outcome: 'marked' | 'already applied' | 'no file';
}

export interface Adoption {
  collection: string;
  tool: string;
  items: Adopted[];
}

/**
 * Marks what another tool has applied.
 * @param options.from its collection; needed when ledgers of several tools are there.
 * @param options.look only tells what would be marked.
 * @throws UserError when there is no other ledger, or more than one.
 */
export async function adopt(
  project: Project,
  { from, look = false }: { from?: string; look?: boolean } = {},
): Promise<Adoption> {
  const { connection, settings } = project;
  const ledger = onlyLedger(await findForeignLedgers(connection.db, settings.ledger, from), from);
  if (look) return plan(await readState(project), ledger);
  refuseReadOnly(connection);
  const id = newRunId();
  return underLease(connection.db, id, async (lease) => {
    const state = await readState(project);
    const adoption = plan(state, ledger);
    const own = openLedger(connection.db, settings);
    const at = new Date();
    for (const { name, appliedAt, outcome } of adoption.items) {
      const entry = state.entries.find((candidate) => candidate.name === name);
      if (outcome !== 'marked' || !entry) continue;
      lease.check();
      await own.record({ ...markedEntry(entry, id, at), appliedAt: appliedAt ?? undefined });
    }
    return adoption;
  });
}

function plan(state: ProjectState, { collection, tool, rows }: ForeignLedger): Adoption {
  const applied = new Set(state.rows.map(({ name }) => name));
  const items = rows.map((row): Adopted => {
    const name = matchRow(row, state.entries) ?? null;
    const outcome = name === null ? 'no file' : applied.has(name) ? 'already applied' : 'marked';
    return { recorded: row.recorded, appliedAt: row.appliedAt, name, outcome };
  });
  return { collection, tool, items };
}

function onlyLedger(found: ForeignLedger[], from: string | undefined): ForeignLedger {
  const [first, ...others] = found;
  if (first && others.length === 0) return first;
  if (first) {
    const names = found.map(({ collection, tool }) => `${collection} (${tool})`).join(', ');
    throw new UserError(`There are ledgers of several tools: ${names}. Say which one with --from.`, {
      exitCode: ExitCode.usage,
    });
  }
  const where = from === undefined ? 'There is' : `The collection "${from}" holds`;
  throw new UserError(
    `${where} no ledger of another tool that is known here (migrate-mongo, mongo-migrate-ts, ts-migrate-mongoose, east, or rows of {name, appliedAt}).`,
    {
      exitCode: ExitCode.usage,
      action: { label: 'Mark all files as applied', cli: 'migratory baseline' },
    },
  );
}
