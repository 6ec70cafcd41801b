// What a run document and a process tell about a run, waited for.
import type { Db } from 'mongodb';
import { eventually } from '../../../tools/vscode/eventually';

export interface RunDocument {
  _id: string;
  state: string;
  pid: number;
  throttle?: Record<string, number>;
}

/** Asks until the newest run document is in this state. */
export async function untilRunIs(db: Db, state: string): Promise<RunDocument> {
  const newest = db.collection<RunDocument>('_migratory_runs').find().sort({ startedAt: -1 }).limit(1);
  return (await eventually(
    `the run to be ${state}`,
    async () => (await newest.clone().toArray())[0],
    (run) => run?.state === state,
  )) as RunDocument;
}

/** A run document has its last state before the process ends. */
export async function untilGone(pid: number): Promise<void> {
  const isGone = async (): Promise<boolean> => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  await eventually(`process ${pid} to be gone`, isGone, (gone) => gone);
}
