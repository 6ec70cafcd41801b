import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';
import { touchedCollections } from '../../../src/migration/touches';

describe('the collections that a source names', () => {
  it('are those of a script and of the helpers of ctx, through constants too', () => {
    const text = `const archive = 'archive';
// db.collection('not me')
module.exports = {
  async up(db, client, ctx) {
    await db.collection('orders').updateMany({}, {});
    await db.createCollection(archive);
    await ctx.batch('users', {}, () => {});
    await other.batch('no collection');
    await db.collection(\`orders\`).findOne();
    await db.collection(name()).findOne();
  },
};`;
    assert.deepEqual(touchedCollections(text, 'a.js'), ['orders', 'archive', 'users']);
  });

  it('are source, target and stages of transforms and pipelines', () => {
    const text = `export default {
  source: 'movies', into: 'films',
  pipeline: [
    { $lookup: { from: 'comments', localField: 'a', foreignField: 'b', as: 'c' } },
    { $unionWith: { coll: 'shows' } },
  ],
  import: { from: 'postgres' },
} satisfies unknown;`;
    assert.deepEqual(touchedCollections(text, 'a.ts'), ['movies', 'films', 'comments', 'shows']);
  });

  it('are those of one migration only where the file holds several', () => {
    const text = `module.exports = [
  { name: 'x', async up(db) { await db.collection('one').drop(); } },
  { name: 'y', async up(db) { await db.collection('two').drop(); } },
];`;
    const [, second] = outlineSource(text, 'a.js').entries;
    assert.deepEqual(touchedCollections(text, 'a.js', second), ['two']);
  });

  it('are found in Python, and a text that does not parse names none', () => {
    const text = `def up(db):
    db['users'].update_many({}, {})
    db.orders.delete_many({})
    db.get_collection("events").drop()
    db.command('ping')
`;
    assert.deepEqual(touchedCollections(text, 'a.py'), ['users', 'orders', 'events']);
    assert.deepEqual(touchedCollections('def up(db:\n  "', 'a.py'), []);
    assert.deepEqual(touchedCollections('module.exports = {{', 'a.js'), []);
  });
});
