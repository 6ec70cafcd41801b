// Errors that nobody awaits in a program that uses the library: those of the migration fail it, and those of the program
// go the way that they would have gone without a run.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { replicaSet } from '../../support/server';
import type { Scene, Told } from './straysChild';

interface End {
  told: Told | undefined;
  code: number | null;
  stderr: string;
  /** Documents that the migration has changed and that stayed so. */
  changed: number;
}

async function play(scene: Omit<Scene, 'uri' | 'database'>, ...flags: string[]): Promise<End> {
  const { uri, name } = await (await replicaSet()).database('strays');
  const client = await new MongoClient(uri).connect();
  try {
    const people = client.db(name).collection('people');
    await people.insertMany([{ a: 0 }, { a: 0 }]);
    const child = fork(join(__dirname, 'straysChild.ts'), [], {
      execArgv: ['--import', 'tsx', ...flags],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    let told: Told | undefined;
    let stderr = '';
    child.on('message', (message) => (told = message as Told));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.send({ uri, database: name, ...scene });
    const [code] = (await once(child, 'close')) as [number | null];
    return { told, code, stderr, changed: await people.countDocuments({ a: 1 }) };
  } finally {
    await client.close();
  }
}

describe('errors that nobody awaits, in a program with the library', function () {
  this.timeout(60_000);

  for (const how of ['rejection', 'throw'] as const) {
    for (const listens of [false, true]) {
      it(`fail the migration that they come from: a ${how}, ${listens ? 'heard' : 'not heard'} by the program`, async () => {
        const { told, code, changed, stderr } = await play({ from: 'migration', how, listens });
        assert.equal(code, 0, stderr);
        assert.match(told?.failed ?? '', /left alone by the migration/);
        assert.equal(changed, 0);
        assert.deepEqual(told?.heard, listens ? ['left alone by the migration'] : []);
        assert.equal(told?.listeners, listens ? 2 : 0);
      });
    }

    it(`end a program that does not listen when they are its own: a ${how}`, async () => {
      const { told, code, stderr } = await play({ from: 'program', how, listens: false });
      assert.deepEqual([told, code], [undefined, 1], stderr);
      assert.match(stderr, /Error: left alone by the program\n\s+at leave/);
    });

    it(`are a listening program's own, and its run goes on: a ${how}`, async () => {
      const { told, code, changed, stderr } = await play({ from: 'program', how, listens: true });
      assert.equal(code, 0, stderr);
      assert.deepEqual(told, { failed: null, heard: ['left alone by the program'], listeners: 2 });
      assert.equal(changed, 2);
    });
  }

  it('are left to a program that has told Node what to do with them', async () => {
    const scene = { from: 'migration', how: 'rejection', listens: false } as const;
    const { told, code, changed, stderr } = await play(scene, '--unhandled-rejections=warn');
    assert.equal(code, 0, stderr);
    assert.deepEqual(told, { failed: null, heard: [], listeners: 0 });
    assert.match(stderr, /UnhandledPromiseRejectionWarning: Error: left alone by the migration/);
    assert.equal(changed, 2);
  });
});
