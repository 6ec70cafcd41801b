// A runner of its own for lease.test.ts: acquires and releases on command.
import { MongoClient } from 'mongodb';
import { acquireLease, type Lease } from '../../../src/engine/lease';
import { ExitCode } from '../../../src/protocol/errors';

let client: MongoClient | undefined;
let database = '';
let lease: Lease | undefined;

async function obey(message: unknown): Promise<{ outcome: string; epoch?: number }> {
  if (typeof message === 'object' && message !== null) {
    const { uri, database: name } = message as { uri: string; database: string };
    client = await new MongoClient(uri).connect();
    database = name;
    return { outcome: 'ready' };
  }
  if (message === 'acquire' && client) {
    try {
      lease = await acquireLease(client.db(database), `run-${process.pid}`);
      return { outcome: 'acquired', epoch: lease.epoch };
    } catch (error) {
      if ((error as { exitCode?: unknown }).exitCode === ExitCode.locked) return { outcome: 'refused' };
      throw error;
    }
  }
  await lease?.release();
  lease = undefined;
  return { outcome: 'released' };
}

process.on('message', (message) => {
  void obey(message).then((answer) => process.send?.(answer));
});
