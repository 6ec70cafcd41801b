// Which dry runs have passed: by connection and by the checksum of the file as it was rehearsed. Kept in this
// workspace alone, since a dry run writes nothing to the database that it rehearses for.
import type { DryRunReport } from '../protocol/events';
import type { RunDocument } from '../protocol/run';
import type { ConnectionInfo } from './connectionRecords';
import type { Memory } from './connections';

/** What the newest dry run of a migration found; estimates are for the whole data. */
export interface Rehearsal {
  /** ISO string. */
  at: string;
  documents: number | null;
  seconds: number | null;
}

/** Another address under the same name is another place. */
export type Place = Pick<ConnectionInfo, 'id' | 'host' | 'database'>;

const key = 'migratory.rehearsals';
const keptAtMost = 500;

export class Rehearsals {
  constructor(private readonly memory: Memory) {}

  /** Takes over how a dry run ended; one that failed takes back what an earlier one of the same file has shown. */
  async note(place: Place, run: RunDocument, reports: readonly DryRunReport[]): Promise<void> {
    if (run.mode !== 'dry-run' || run.direction === 'down') return;
    const kept = this.#read();
    for (const step of run.steps) {
      const report = reports.find((candidate) => candidate.step === step.name);
      if (step.checksum === undefined || step.endedAt === null || step.state === 'cancelled') continue;
      const id = keyOf(place, step.name, step.checksum);
      kept.delete(id);
      if (step.state !== 'applied' || report?.succeeded !== true) continue;
      const { documents, seconds } = report.estimate;
      kept.set(id, { at: new Date(step.endedAt).toISOString(), documents, seconds });
    }
    await this.memory.update(key, Object.fromEntries([...kept].slice(-keptAtMost)));
  }

  /** Undefined where no dry run of this very file has passed there. */
  of(place: Place, name: string, checksum: string): Rehearsal | undefined {
    return this.#read().get(keyOf(place, name, checksum));
  }

  #read(): Map<string, Rehearsal> {
    const kept = this.memory.get(key);
    if (typeof kept !== 'object' || kept === null) return new Map();
    return new Map(
      Object.entries(kept).filter((entry): entry is [string, Rehearsal] => isRehearsal(entry[1])),
    );
  }
}

function keyOf({ id, host, database }: Place, name: string, checksum: string): string {
  return [id, host, database, name, checksum].join('\n');
}

function isRehearsal(value: unknown): value is Rehearsal {
  return typeof value === 'object' && value !== null && typeof (value as Rehearsal).at === 'string';
}
