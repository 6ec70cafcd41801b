// Repeatable migrations: run again whenever their file has changed, and left alone otherwise.
import assert from 'node:assert/strict';
import { eventLines, useProgram } from './program';

const rates = (rate: number, extra = ''): string => `module.exports = { repeatable: true,
  async up(db) {
    await db.collection('rates').replaceOne({ _id: 'eur' }, { rate: ${rate} }, { upsert: true });
    ${extra}
  },
};`;
const script = `module.exports = { async up(db) { await db.collection('ran').insertOne({}); }, async down() {} };`;

describe('repeatable migrations', function () {
  this.timeout(60_000);
  const bench = useProgram();
  beforeEach(async () => {
    await bench.work({ '1-rates.js': rates(1), '2-later.js': script });
    assert.equal((await bench.place.run('up')).code, 0);
  });

  const rate = async (): Promise<unknown> => (await bench.place.rows('rates').findOne())?.['rate'];
  const state = async (name: string): Promise<unknown> => {
    const [status] = eventLines(await bench.place.run('status', '--json'));
    const migrations = status?.['migrations'] as { name: string; state: string }[];
    return migrations.find((one) => one.name === name)?.state;
  };

  it('run again when their file has changed, whatever was applied since, and keep one row', async () => {
    assert.equal((await bench.place.run('up')).out.includes('1-rates.js'), false);
    await bench.place.write({ '1-rates.js': rates(2) });
    assert.equal(await state('1-rates.js'), 'pending');
    const up = await bench.place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.equal(await rate(), 2);
    assert.equal(await bench.place.rows('_migrations').countDocuments({ name: '1-rates.js' }), 1);
    assert.equal(await bench.place.rows('ran').countDocuments(), 1);
    assert.equal(await state('1-rates.js'), 'applied');
  });

  it('are undone to what the run before has left when they fail, and stay pending', async () => {
    await bench.place.write({ '1-rates.js': rates(3, `throw new Error('no');`) });
    const up = await bench.place.run('up');
    assert.equal(up.code, 1);
    assert.equal(await rate(), 1);
    assert.equal(await state('1-rates.js'), 'failed');
    await bench.place.write({ '1-rates.js': rates(4) });
    assert.equal((await bench.place.run('up')).code, 0);
    assert.equal(await rate(), 4);
  });

  it('are rolled back like others, by the journal of their last run', async () => {
    await bench.place.write({ '1-rates.js': rates(2) });
    assert.equal((await bench.place.run('up')).code, 0);
    const down = await bench.place.run('down', '1-rates.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await rate(), 1);
    assert.equal(await state('1-rates.js'), 'out-of-order');
  });
});
