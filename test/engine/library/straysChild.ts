// A program of its own for strays.test.ts: runs one migration with the library while something fails that nobody awaits.
import { MongoClient } from 'mongodb';
import { MigrationRunner } from '../../../src/index';

export interface Told {
  /** What `run` rejected with; null when it went well. */
  failed: string | null;
  /** What the program's own listeners heard. */
  heard: string[];
  listeners: number;
}
export interface Scene {
  uri: string;
  database: string;
  /** Whose error it is, and how it is left alone. */
  from: 'migration' | 'program';
  how: 'rejection' | 'throw';
  /** The program has listeners of its own. */
  listens: boolean;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function leave({ from, how }: Scene): void {
  const error = new Error(`left alone by the ${from}`);
  if (how === 'rejection') void Promise.reject(error);
  else
    setTimeout(() => {
      throw error;
    }, 1);
}

async function play(scene: Scene): Promise<Told> {
  const heard: string[] = [];
  if (scene.listens) {
    process.on('unhandledRejection', (reason) => heard.push((reason as Error).message));
    process.on('uncaughtException', (error) => heard.push(error.message));
  }
  const client = await new MongoClient(scene.uri).connect();
  try {
    const db = client.db(scene.database);
    let begun: () => void = () => undefined;
    const atWork = new Promise<void>((resolve) => (begun = resolve));
    void atWork.then(() => {
      if (scene.from === 'program') leave(scene);
    });
    let failed: string | null = null;
    const runner = new MigrationRunner(db);
    await runner
      .run([
        {
          name: 'one',
          async up(given) {
            await given.collection('people').updateMany({}, { $set: { a: 1 } });
            if (scene.from === 'migration') leave(scene);
            else begun();
            await pause(300);
          },
        },
      ])
      .catch((error: Error) => (failed = error.message));
    const listeners =
      process.listenerCount('unhandledRejection') + process.listenerCount('uncaughtException');
    return { failed, heard, listeners };
  } finally {
    await client.close();
  }
}

process.on('message', (scene: Scene) => {
  void play(scene).then((told) => process.send?.(told, () => process.disconnect()));
});
