import assert from 'node:assert/strict';
import { lenses, migrationRow, newestRun, pressLens, useStage } from './support';

const file = '29990101000000-python.py';
const text = `
def close(db):
    print('closing')
    db.orders.update_many({}, {'$set': {'status': 'closed'}})

migrations = [
    {'name': 'closed', 'up': close, 'down': lambda db: db.orders.update_many({}, {'$unset': {'status': ''}})},
    {'name': 'broken', 'up': lambda db: db.orders.find_one()['nothing'], 'down': None},
]
`;

describe('a Python migration in the editor', () => {
  const stage = useStage();
  const orders = () => stage.db.collection<{ _id: number; status?: string }>('orders');
  beforeEach(() => orders().insertMany([{ _id: 1 }, { _id: 2 }]));

  it('is rehearsed, runs and rolls back from the lenses above its dict', async function () {
    // Seven processes of Python, one after the other.
    this.timeout(60_000);
    const path = await stage.write(file, text);
    await migrationRow('closed', /^(pending|out of order)/);
    const titles = (await lenses(path)).map(({ title }) => title);
    assert.equal(titles.filter((title) => title === 'Run').length, 2, titles.join());

    await pressLens(path, 'Dry run');
    assert.deepEqual(stage.person.asked, []);
    assert.equal(await orders().countDocuments({ status: 'closed' }), 0);
    assert.equal((await newestRun(stage.db))?.steps[0]?.state, 'applied');

    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    assert.deepEqual(await stage.applied(), ['closed']);
    assert.equal(await orders().countDocuments({ status: 'closed' }), 2);
    await migrationRow('closed', /^applied/);

    stage.person.presses.push('Roll Back');
    await pressLens(path, 'Roll back');
    assert.deepEqual(await stage.applied(), []);
    assert.equal(await orders().countDocuments({ status: 'closed' }), 0);
  });
});
