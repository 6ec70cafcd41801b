// Every command of the contract once with --json, as a program that drives the command line uses it: each line is an
// event of a known kind, nothing else stands on standard output, and the exit codes are those of the contract.
import assert from 'node:assert/strict';
import { ended, eventLines, until, useProgram, type EventLine } from './program';

const known = new Set([
  'status',
  'list',
  'run.started',
  'check',
  'step.started',
  'progress',
  'log',
  'error',
  'quarantined',
  'conflict',
  'verification',
  'step.finished',
  'run.finished',
  'diff',
  'report',
]);

const talkative = `console.log('not an event'); process.stdout.write('nor this\\n');`;
const files = {
  '1-note.js': `${talkative}
    exports.up = (db) => { console.log('in up'); return db.collection('x').insertOne({ _id: 'note' }); };
    exports.down = (db) => db.collection('x').deleteOne({ _id: 'note' });
    exports.validate = async (db) => (await db.collection('x').countDocuments()) > 0;`,
  '2-choosy.js': `module.exports = {
    source: 'rows', onError: 'quarantine',
    transform: (doc) => { if (doc._id < 2) throw new Error('too low'); return { $set: { seen: true } }; },
  };`,
};
const slow = `exports.up = async (db) => {
  for (let i = 0; i < 3000; i++) {
    await db.collection('slow').updateOne({ _id: 1 }, { $inc: { n: 1 } });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};`;

describe('every command with --json', function () {
  this.timeout(120_000);
  const program = useProgram();

  function checked(lines: EventLine[], what: string): EventLine[] {
    for (const { type, at, run } of lines) {
      assert.ok(known.has(type), `${what}: ${type}`);
      assert.equal(new Date(String(at)).toISOString(), at, `${what}: ${type}`);
      assert.equal(typeof run, 'string', `${what}: ${type}`);
    }
    return lines;
  }

  const itemsOf = (line: EventLine | undefined): unknown[] => (line?.['items'] ?? []) as unknown[];

  /** Runs it, and expects this exit code and events of these kinds among its lines. */
  async function events(code: number, args: string[], ...kinds: string[]): Promise<EventLine[]> {
    const what = args.join(' ');
    const done = await program.place.run(...args, '--json');
    assert.equal(done.code, code, `${what}: ${done.err}`);
    const lines = checked(eventLines(done), what);
    const types = new Set(lines.map(({ type }) => type));
    for (const kind of kinds)
      assert.ok(types.has(kind), `${what} tells no ${kind}: ${[...types].join(', ')}`);
    return lines;
  }

  it('writes a project', async () => {
    await program.work({}, null);
    await events(0, ['init'], 'log');
    await events(0, ['create', 'first steps'], 'log');
  });

  it('goes through the whole life of migrations', async () => {
    const place = await program.work(files);
    await place.rows('rows').insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id })));
    await events(0, ['status'], 'status');
    await events(3, ['status', '--exit-code'], 'status');
    await events(0, ['validate'], 'check');
    await events(0, ['dry-run'], 'report', 'diff');
    const up = await events(
      0,
      ['up'],
      'run.started',
      'check',
      'step.finished',
      'verification',
      'quarantined',
      'run.finished',
    );
    const run = String(up[0]?.['run']);
    await events(0, ['status', '--exit-code'], 'status');
    await events(0, ['verify'], 'verification');
    const [list] = await events(0, ['runs'], 'list');
    assert.equal(itemsOf(list).length, 1);
    await events(0, ['runs', run]);
    const [quarantined] = await events(0, ['quarantine', 'list'], 'list');
    assert.equal(itemsOf(quarantined).length, 2);
    await events(0, ['quarantine', 'retry', '2-choosy.js'], 'quarantined');
    await events(0, ['quarantine', 'discard', '2-choosy.js'], 'log');
    await events(0, ['dry-run', '--down', '2-choosy.js'], 'report');
    await events(0, ['down'], 'step.finished', 'run.finished');
    await events(0, ['mark', '2-choosy.js', '--applied'], 'log');
    await events(0, ['mark', '2-choosy.js', '--pending'], 'log');
    await events(0, ['baseline'], 'list');
    await events(0, ['unlock'], 'log');
    await events(0, ['repair'], 'log');
    await events(2, ['pause', run], 'error');
    await events(2, ['continue', run], 'error');
    await events(2, ['cancel', run], 'error');
    await events(2, ['up', 'nothing.js'], 'error');
    await events(2, ['no-such-command'], 'error');
  });

  it('pauses, continues, cancels and resumes', async () => {
    const place = await program.work({ '1-slow.js': slow });
    await place.rows('slow').insertOne({ _id: 1, n: 0 });
    const running = ended(place.start(['up', '--json']));
    const document = () => place.db.collection('_migratory_runs').findOne({});
    const inState = (state: string) => until(async () => (await document())?.['state'] === state);
    await inState('running');
    const id = String((await document())?.['_id']);
    await events(4, ['up'], 'error');
    await events(0, ['pause', id], 'log');
    await inState('paused');
    await events(0, ['continue', id], 'log');
    await inState('running');
    await events(0, ['cancel', id], 'log');
    const cancelled = await running;
    assert.equal(cancelled.code, 130, cancelled.err);
    const last = checked(eventLines(cancelled), 'up').at(-1);
    assert.deepEqual([last?.type, last?.['state'], last?.['exitCode']], ['run.finished', 'cancelled', 130]);
    await place.write({ '1-slow.js': slow.replace('3000', '3') });
    await events(0, ['resume', id], 'run.started', 'step.finished', 'run.finished');
    assert.equal((await place.rows('slow').findOne({ _id: 1 }))?.['n'], 3);
  });
});
