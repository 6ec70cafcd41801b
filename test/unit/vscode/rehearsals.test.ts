import assert from 'node:assert/strict';
import type { DryRunReport } from '../../../src/protocol/events';
import type { RunDocument, RunStep } from '../../../src/protocol/run';
import type { Memory } from '../../../src/vscode/connections';
import { Rehearsals } from '../../../src/vscode/rehearsals';
import { run, step } from './support';

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

const place = { id: 'config:live', host: 'db.example.net', database: 'shop' };
const endedAt = '2026-01-01T12:00:05.000Z';

function rehearsed(change: Partial<RunStep> = {}, of: Partial<RunDocument> = {}): RunDocument {
  const done = step({ state: 'applied', checksum: 'c1', endedAt, ...change });
  return run({ mode: 'dry-run', state: 'applied', steps: [done], ...of });
}

function report(succeeded = true): DryRunReport[] {
  const estimate = { documents: 3201, seconds: 4.2, growthBytes: null };
  return [{ step: 'a', succeeded, estimate } as DryRunReport];
}

describe('the memory of dry runs', () => {
  it('knows what has passed, in the next window too', async () => {
    const memory = new Kept();
    await new Rehearsals(memory).note(place, rehearsed(), report());
    assert.deepEqual(new Rehearsals(memory).of(place, 'a', 'c1'), {
      at: endedAt,
      documents: 3201,
      seconds: 4.2,
    });
  });

  it('counts for this file, this migration and this place alone', async () => {
    const memory = new Rehearsals(new Kept());
    await memory.note(place, rehearsed(), report());
    assert.equal(memory.of(place, 'a', 'c2'), undefined);
    assert.equal(memory.of(place, 'b', 'c1'), undefined);
    assert.equal(memory.of({ ...place, id: 'config:test' }, 'a', 'c1'), undefined);
    assert.equal(memory.of({ ...place, database: 'other' }, 'a', 'c1'), undefined);
    assert.equal(memory.of({ ...place, host: 'elsewhere' }, 'a', 'c1'), undefined);
  });

  it('takes nothing for a rehearsal that is none or did not pass', async () => {
    const memory = new Rehearsals(new Kept());
    await memory.note(place, rehearsed({}, { mode: 'up' }), report());
    await memory.note(place, rehearsed({}, { direction: 'down' }), report());
    await memory.note(place, rehearsed({ state: 'failed' }), report(false));
    await memory.note(place, rehearsed({ state: 'applied' }), report(false));
    await memory.note(place, rehearsed(), []);
    await memory.note(place, rehearsed({ state: 'planned', endedAt: null }), report());
    await memory.note(place, rehearsed({ checksum: undefined }), report());
    assert.equal(memory.of(place, 'a', 'c1'), undefined);
  });

  it('forgets what a later dry run of the same file has refuted, not what was only cancelled', async () => {
    const memory = new Rehearsals(new Kept());
    await memory.note(place, rehearsed(), report());
    await memory.note(place, rehearsed({ state: 'cancelled' }), []);
    assert.ok(memory.of(place, 'a', 'c1'));
    await memory.note(place, rehearsed({ state: 'failed' }), report(false));
    assert.equal(memory.of(place, 'a', 'c1'), undefined);
  });

  it('is bounded, keeps the newest, and survives what it cannot read', async () => {
    const kept = new Kept();
    kept.values.set('migratory.rehearsals', { broken: 3 });
    const memory = new Rehearsals(kept);
    for (let n = 0; n < 510; n++) await memory.note(place, rehearsed({ checksum: `c${n}` }), report());
    assert.equal(memory.of(place, 'a', 'c9'), undefined);
    assert.ok(memory.of(place, 'a', 'c10'));
    assert.ok(memory.of(place, 'a', 'c509'));
  });
});
