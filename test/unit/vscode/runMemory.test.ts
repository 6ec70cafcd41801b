import assert from 'node:assert/strict';
import type { RunSnapshot } from '../../../src/protocol/events';
import type { Memory } from '../../../src/vscode/connections';
import { RunMemory, shortened } from '../../../src/vscode/runMemory';
import { RunStore } from '../../../src/vscode/runs';
import { run, snapshot } from './support';

class Kept implements Memory {
  readonly values = new Map<string, unknown>();
  get(key: string): unknown {
    return this.values.get(key);
  }
  async update(key: string, value: unknown): Promise<void> {
    // As the editor does: nothing but JSON survives.
    this.values.set(key, JSON.parse(JSON.stringify(value)));
  }
}

describe('the memory of finished runs', () => {
  const line = (message: string): RunSnapshot['log'][number] => ({
    at: '2026-01-01T12:00:00.000Z',
    level: 'info',
    message,
  });

  function windowOf(memory: Memory): RunStore {
    const store = new RunStore();
    void new RunMemory(store, memory);
    return store;
  }

  it('brings runs of this window back with their log, newest first, and only so many', () => {
    const memory = new Kept();
    const store = windowOf(memory);
    for (let number = 1; number <= 20; number++) {
      const _id = `r${number}`;
      store.putSnapshot({ ...snapshot({ _id }), log: [line(_id)] }, true);
      store.putSnapshot({ ...snapshot({ _id, state: 'applied', mode: 'dry-run' }), log: [line(_id)] }, true);
      store.processEnded(_id);
    }
    const next = windowOf(memory);
    assert.equal(next.get('r20')?.log[0]?.message, 'r20');
    assert.equal(next.get('r20')?.run.state, 'applied');
    assert.equal(next.isOwn('r20'), false);
    assert.equal(next.list().length, 12);
    assert.equal(next.get('r8'), undefined);
  });

  it('keeps what is known when the database is read, which has no log', () => {
    const memory = new Kept();
    const before = windowOf(memory);
    before.putSnapshot({ ...snapshot({ state: 'applied' }), log: [line('hello')] }, true);
    const store = windowOf(memory);
    const quarantined = [
      { type: 'quarantined' as const, run: 'r1', at: '', step: 'a', collection: 'c', id: 1, reason: 'why' },
    ];
    store.putStored({ ...snapshot({ state: 'applied' }), quarantined });
    assert.equal(store.get('r1')?.log[0]?.message, 'hello');
    assert.deepEqual(store.get('r1')?.quarantined, quarantined);
  });

  it('keeps neither the runs of others nor runs that go on', () => {
    const memory = new Kept();
    const store = windowOf(memory);
    store.putDocuments([run({ _id: 'theirs', state: 'applied' })]);
    store.putSnapshot(snapshot({ _id: 'going' }), true);
    assert.deepEqual([...memory.values], []);
  });

  it('does not stumble over what it does not know', () => {
    const memory = new Kept();
    memory.values.set('migratory.finishedRuns', [null, 3, { run: {} }, { run: { _id: 'x' }, log: 'no' }]);
    assert.deepEqual(windowOf(memory).list(), []);
  });

  it('shortens what is too long, older lines first', () => {
    const log = Array.from({ length: 2000 }, (_, index) => line(`${index} ${'x'.repeat(500)}`));
    const short = shortened({ ...snapshot(), log }, 100_000);
    assert.ok(JSON.stringify(short).length <= 100_000);
    assert.ok(short.log.length > 50);
    assert.equal(short.log.at(-1), log.at(-1));
    const small = snapshot();
    assert.equal(shortened(small), small);
  });
});
