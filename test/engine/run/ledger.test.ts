import assert from 'node:assert/strict';
import { Ledger, type LedgerEntry } from '../../../src/engine/ledger';
import { replicaSet } from '../../support/server';

const entry: LedgerEntry = {
  name: '1-a.js',
  durationMs: 12,
  checksum: 'ab'.repeat(32),
  source: Buffer.from('exports.up = async () => {};'),
  run: 'run-1',
  file: '1-a.js',
  kind: 'script',
  runStartedAt: new Date(1_700_000_000_000),
};

describe('ledger', function () {
  this.timeout(20_000);

  it('reads rows of older programs, whatever their dates are', async () => {
    const { db } = await (await replicaSet()).database('ledger');
    const at = new Date('2024-05-06T07:08:09Z');
    await db
      .collection('_migrations')
      .insertMany([
        { name: 'plain', appliedAt: at, durationMs: 5 },
        { name: 'python', applied_at: at, duration_ms: 2.5 },
        { name: 'text', appliedAt: '2024-05-06T07:08:09Z' },
        { name: 'broken', appliedAt: 'yesterday' },
        { noName: true },
      ]);
    const rows = await new Ledger(db, '_migrations').rows();
    assert.deepEqual(
      Object.fromEntries(rows.map((row) => [row.name, [row.appliedAt?.getTime() ?? null, row.durationMs]])),
      {
        broken: [null, null],
        plain: [at.getTime(), 5],
        python: [at.getTime(), 2.5],
        text: [at.getTime(), null],
      },
    );
  });

  it('writes one row for a migration, gives back its source, and forgets it', async () => {
    const { db } = await (await replicaSet()).database('ledger');
    const ledger = new Ledger(db, '_migrations');
    await ledger.record(entry);
    await ledger.record({ ...entry, durationMs: 13 });
    assert.equal(await db.collection('_migrations').countDocuments(), 1);
    assert.equal((await ledger.source('1-a.js'))?.toString(), entry.source.toString());
    assert.equal((await ledger.rows())[0]?.durationMs, 13);
    await ledger.markConflicts('1-a.js');
    assert.equal((await ledger.rows())[0]?.state, 'conflicts');
    await ledger.remove('1-a.js');
    assert.deepEqual(await ledger.rows(), []);
  });

  it("writes migrate-mongo's fields and one sub-document over migrate-mongo's ledger", async () => {
    const { db } = await (await replicaSet()).database('ledger');
    const appliedAt = new Date('2024-05-06T07:08:09Z');
    await db.collection('changelog').insertOne({ fileName: '0-old.js', appliedAt, migrationBlock: 7 });
    const ledger = new Ledger(db, 'changelog', { kind: 'migrate-mongo', useFileHash: true });
    await ledger.record(entry);
    const row = await db.collection('changelog').findOne({ fileName: '1-a.js' });
    assert.deepEqual(Object.keys(row ?? {}), [
      '_id',
      'fileName',
      'appliedAt',
      'migrationBlock',
      'fileHash',
      'migratory',
    ]);
    assert.equal(row?.['migrationBlock'], 1_700_000_000_000);
    assert.deepEqual(
      (await ledger.rows()).map(({ name, run }) => ({ name, run })),
      [
        { name: '0-old.js', run: undefined },
        { name: '1-a.js', run: 'run-1' },
      ],
    );
    assert.equal((await ledger.source('1-a.js'))?.toString(), entry.source.toString());
    assert.equal(await ledger.source('0-old.js'), null);
  });
});
