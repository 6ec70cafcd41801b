import assert from 'node:assert/strict';
import type { DryRunReport } from '../../../src/protocol/events';
import type { RunDocument } from '../../../src/protocol/run';
import { heartbeatLimitMs, resumableRuns, RunStore } from '../../../src/vscode/runs';
import { run, snapshot, start, step } from './support';

describe('the run store', () => {
  let now = start;
  let store: RunStore;
  let told: string[];
  beforeEach(() => {
    now = start;
    told = [];
    store = new RunStore(() => now);
    store.onDidChange((id) => told.push(id));
  });
  afterEach(() => store.dispose());

  const at = (ms: number): string => new Date(start + ms).toISOString();

  it('prefers what a run’s own process says to its run document', () => {
    store.putSnapshot(snapshot({ state: 'paused' }), true);
    store.putDocuments([run({ state: 'running' })]);
    store.putSnapshot(snapshot({ state: 'running' }), false);
    assert.equal(store.get('r1')?.run.state, 'paused');
    assert.deepEqual(told, ['r1']);
  });

  it('draws the rate of a run of somebody else out of its document, one point for each sign of life', () => {
    const seen = (beat: number, rate: number) =>
      store.putDocuments([run({ heartbeatAt: at(beat), steps: [step({ rate })] })]);
    seen(0, 10);
    seen(1000, 20);
    seen(1000, 20);
    seen(2000, 30);
    store.putDocuments([run({ heartbeatAt: at(3000), state: 'paused', steps: [step({ state: 'paused' })] })]);
    assert.deepEqual(store.get('r1')?.rates, [20, 30]);
  });

  it('keeps log and reports of a run when a newer run document comes', () => {
    const seen = snapshot();
    seen.log.push({ at: at(0), level: 'info', message: 'hello' });
    store.putSnapshot(seen, false);
    store.putDocuments([run({ state: 'applied' })]);
    assert.equal(store.get('r1')?.run.state, 'applied');
    assert.equal(store.get('r1')?.log[0]?.message, 'hello');
  });

  it('finds a run under the address that it was read through, whatever its runner called it', () => {
    store.putDocuments([run({ target: 'shop on build-07' })], 'shop on db.example');
    assert.equal(store.list('shop on db.example').length, 1);
    assert.equal(store.list('shop on build-07').length, 1);
    assert.equal(store.list('shop on elsewhere').length, 0);
    store.putDocuments([run({ target: 'shop on build-07' })], 'shop on 10.0.0.1');
    assert.ok(store.isOn('r1', 'shop on 10.0.0.1') && store.isOn('r1', 'shop on db.example'));
    assert.deepEqual(told, ['r1', 'r1']);
  });

  it('tells only what has changed', () => {
    store.putDocuments([run()]);
    store.putDocuments([run()]);
    assert.deepEqual(told, ['r1']);
  });

  it('takes a run whose heartbeat is old for interrupted at first sight', () => {
    now = start + heartbeatLimitMs + 1;
    store.putDocuments([run()]);
    assert.equal(store.get('r1')?.run.state, 'interrupted');
    assert.deepEqual(store.active(), []);
  });

  it('takes a run whose heartbeat stops for interrupted, and back when it goes on', () => {
    store.putDocuments([run()]);
    now = start + heartbeatLimitMs;
    store.sweep();
    assert.equal(store.get('r1')?.run.state, 'running');
    now++;
    store.sweep();
    assert.equal(store.get('r1')?.run.state, 'interrupted');
    assert.deepEqual(told, ['r1', 'r1']);
    store.putDocuments([run({ heartbeatAt: at(heartbeatLimitMs) })]);
    assert.equal(store.get('r1')?.run.state, 'running');
  });

  it('is not misled by the clock of another machine once its heartbeat moves', () => {
    store.putDocuments([run({ heartbeatAt: at(-60_000) })]);
    assert.equal(store.get('r1')?.run.state, 'interrupted');
    now = start + 1000;
    store.putDocuments([run({ heartbeatAt: at(-59_000) })]);
    assert.equal(store.get('r1')?.run.state, 'running');
  });

  it('never calls an ended run interrupted', () => {
    now = start + 3_600_000;
    store.putDocuments([run({ state: 'applied' })]);
    store.sweep();
    assert.equal(store.get('r1')?.run.state, 'applied');
  });

  it('calls a run interrupted at once when its own process is gone, with the reason', () => {
    store.putSnapshot(snapshot(), true);
    store.processEnded('r1', { message: 'The runner process ended (signal SIGKILL).' });
    assert.equal(store.get('r1')?.run.state, 'interrupted');
    assert.match(store.get('r1')?.run.error?.message ?? '', /SIGKILL/);
    store.putDocuments([run({ state: 'interrupted', steps: [] })]);
    assert.equal(store.get('r1')?.run.steps.length, 1, 'what was seen last is lost');
    store.putDocuments([run({ state: 'cancelled' })]);
    assert.equal(store.get('r1')?.run.state, 'cancelled');
    store.putSnapshot(snapshot({ _id: 'r2', state: 'applied' }), true);
    store.processEnded('r2');
    assert.equal(store.get('r2')?.run.state, 'applied');
  });

  it('lists the runs of one target, newest first, and the last of each migration', () => {
    store.putDocuments([
      run({
        _id: 'old',
        state: 'failed',
        startedAt: at(-2000),
        steps: [step({ name: 'a' }), step({ name: 'b' })],
      }),
      run({ _id: 'new', state: 'applied', startedAt: at(-1000), steps: [step({ name: 'a' })] }),
      run({ _id: 'other', target: 'x on y:1' }),
    ]);
    const target = 'shop on localhost:27017';
    assert.deepEqual(
      store.list(target).map(({ _id }) => _id),
      ['new', 'old'],
    );
    const last = store.lastByMigration(target);
    assert.equal(last.get('a')?.run._id, 'new');
    assert.equal(last.get('b')?.run._id, 'old');
  });
});

describe('the last dry run of a migration', () => {
  const report = (given: Partial<DryRunReport> = {}): DryRunReport => ({
    step: 'a',
    kind: 'script',
    succeeded: true,
    error: null,
    sampled: { documents: 10, of: 10, complete: true },
    commands: {},
    collections: [
      { collection: 'x', scanned: 9, changed: 3, inserted: 2, deleted: 1, indexes: [], options: [] },
    ],
    diffs: [],
    refusedByValidator: 0,
    repeatable: { answer: 'yes', details: '' },
    reversible: { answer: 'yes', details: '' },
    estimate: { documents: 600, seconds: null, growthBytes: null },
    warnings: [],
    ...given,
  });
  const dryRun = (given: Partial<RunDocument> = {}): RunDocument =>
    run({
      mode: 'dry-run',
      state: 'applied',
      steps: [step({ state: 'applied', checksum: 'c1', endedAt: new Date(start).toISOString() })],
      ...given,
    });
  const found = (document: RunDocument, reports: DryRunReport[]) => {
    const store = new RunStore(() => start);
    store.putSnapshot({ ...snapshot(), run: document, reports }, true);
    const lastDryRun = store.dryRuns(document.target).get('a');
    store.dispose();
    return lastDryRun;
  };

  it('counts what was changed, or what is expected where only a sample was looked at', () => {
    assert.deepEqual(found(dryRun(), [report()]), {
      run: 'r1',
      checksum: 'c1',
      at: new Date(start).toISOString(),
      passed: true,
      documents: 6,
    });
    const sampled = { documents: 10, of: 1000, complete: false };
    assert.equal(found(dryRun(), [report({ sampled })])?.documents, 600);
    assert.equal(found(dryRun(), [])?.documents, null);
  });

  it('failed when its step or its report says so', () => {
    assert.equal(found(dryRun(), [report({ succeeded: false })])?.passed, false);
    const failed = [step({ state: 'failed' })];
    assert.equal(found(dryRun({ state: 'failed', steps: failed }), [report()])?.passed, false);
  });

  it('is none while it goes on, when it was cancelled, and when it tried the way back', () => {
    assert.equal(found(dryRun({ state: 'running' }), []), undefined);
    const cancelled = [step({ state: 'cancelled' })];
    assert.equal(found(dryRun({ state: 'cancelled', steps: cancelled }), []), undefined);
    assert.equal(found(dryRun({ direction: 'down' }), [report()]), undefined);
    assert.equal(found(dryRun({ mode: 'up' }), []), undefined);
  });
});

describe('what can be resumed', () => {
  const open = step({ state: 'interrupted' });
  const ids = (...runs: Parameters<typeof run>[0][]): string[] => [...resumableRuns(runs.map(run))];

  it('is a run upwards that ended before its work was done', () => {
    assert.deepEqual(ids({ state: 'interrupted', steps: [open] }), ['r1']);
    assert.deepEqual(ids({ state: 'failed', steps: [step({ state: 'applied' }), open] }), ['r1']);
    assert.deepEqual(ids({ state: 'applied', steps: [step({ state: 'applied' })] }), []);
    assert.deepEqual(ids({ state: 'running', steps: [open] }), []);
    assert.deepEqual(ids({ state: 'interrupted', mode: 'down', steps: [open] }), []);
    assert.deepEqual(ids({ state: 'failed', mode: 'dry-run', steps: [open] }), []);
  });

  it('is not what a newer run has taken up', () => {
    const newer = { _id: 'r2', state: 'applied' as const, steps: [step({ state: 'applied' })] };
    const older = { _id: 'r1', state: 'failed' as const, steps: [open] };
    assert.deepEqual(ids(newer, older), []);
    assert.deepEqual(ids({ ...newer, mode: 'validate' }, older), ['r1']);
  });
});
