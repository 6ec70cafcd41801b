import assert from 'node:assert/strict';
import { loadDemoData } from '../../../tools/data';
import { dbHash } from '../../support/bytes';
import { standalone } from '../../support/server';

describe('the documents of the demo', function () {
  this.timeout(120_000);

  it('are as they are in their packages, and the same at every load', async () => {
    const server = await standalone();
    const { db, name } = await server.database('demo');
    const loaded = await loadDemoData(server.uri, name);
    const first = await dbHash(db);
    assert.deepEqual(loaded, { movies: 3201, cities: 135_233, customers: 5000 });

    const movies = db.collection('movies');
    assert.equal(await movies.countDocuments({ 'Release Date': { $type: 'string' } }), 3201);
    assert.equal(await movies.countDocuments({ Title: { $type: 'number' } }), 9);
    const city = await db.collection('cities').findOne({ name: 'Reykjavík' });
    assert.equal(city?.['country'], 'IS');
    const customers = db.collection('customers');
    assert.equal((await customers.countDocuments({ name: /^\S+ \S+$/ })) > 4500, true);
    assert.equal(await customers.countDocuments({ name: 'Francis Ford Coppola' }), 1);
    assert.equal((await customers.countDocuments({ name: /^\S+$/ })) > 0, true);

    await movies.updateOne({}, { $set: { 'Release Date': 0 } });
    await customers.createIndex({ name: 1 });
    assert.notDeepEqual(await dbHash(db), first);
    await loadDemoData(server.uri, name);
    assert.deepEqual(await dbHash(db), first);
    assert.equal((await customers.indexes()).length, 1);
  });
});
