import assert from 'node:assert/strict';
import { Binary, BSON, Double, Long, MinKey } from 'mongodb';
import type { Document } from 'mongodb';
import type { Migration, PipelineMigration } from '../../../src/migration/kinds';
import { runChecks } from '../../../src/engine/checks/runChecks';
import { sendWrites } from '../../../src/transfer/command';
import { duplicateName, invalidText } from './damaged';
import { assertFailed, assertPassed, check, contextOf, only, place } from './support';

const noop = (): null => null;

describe('checks on sampled documents', () => {
  it('run the transform on ten documents, as copies', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany(Array.from({ length: 40 }, (_one, n) => ({ _id: n as never, n })));
    const seen: unknown[] = [];
    const results = await check(connection, {
      source: 'a',
      transform: (doc) => {
        seen.push(doc['_id']);
        doc['n'] = 'overwritten';
        return { $set: { twice: 2 } };
      },
    });
    assert.equal(seen.length, 10);
    assert.ok(seen.includes(0) && seen.includes(39), 'the first and the last are among them');
    assertPassed(only(results, 'transform-sample'), /10 documents tried.*10 changed/);
    assert.equal(await db.collection('a').countDocuments({ n: 'overwritten' }), 0);
  });

  it('report each document that throws: an error with stop, a warning with quarantine', async () => {
    const { db, connection } = await place();
    await db
      .collection('a')
      .insertMany([{ _id: 1 as never, ok: true }, { _id: 2 as never }, { _id: 3 as never }]);
    const transform = (doc: { ok?: boolean }): object => {
      if (!doc.ok) throw new TypeError('no date');
      return { $set: { done: true } };
    };
    const stop = (await check(connection, { source: 'a', transform })).filter(
      ({ id }) => id === 'transform-sample',
    );
    assert.deepEqual(
      stop.map((result) => result.check),
      ['Transform sample 2', 'Transform sample 3'],
    );
    for (const result of stop) assertFailed(result, 'error', /no date/);
    const aside = await check(connection, { source: 'a', transform, onError: 'quarantine' });
    for (const result of aside.filter(({ id }) => id === 'transform-sample'))
      assertFailed(result, 'warning', /no date/);
  });

  it('refuse outputs that are no update', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ _id: 1 as never, at: 'x' });
    const says = async (output: unknown): Promise<string> =>
      only(await check(connection, { source: 'a', transform: () => output as never }), 'transform-sample')
        .details;
    assert.match(await says({}), /^The transform returned an empty object/);
    assert.match(await says({ name: 'x' }), /without update operators and without _id/);
    assert.match(await says({ $set: { a: 1 }, b: 2 }), /update operators and plain fields in one/);
    assert.match(await says(5), /returned the number 5/);
    assert.match(await says({ _id: 2, a: 1 }), /another _id/);
    assert.match(await says({ $set: { at: new Date('nonsense') } }), /at .*date/i);
    assert.match(await says([{ $set: { a: { $nonsense: 1 } } }]), /nonsense/);
  });

  it('end a transform that never comes back', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany([{ n: 1 }, { n: 2 }]);
    const started = Date.now();
    const results = await check(
      connection,
      { source: 'a', transform: () => new Promise<null>(() => undefined) },
      { limits: { transformMs: 100 } },
    );
    assertFailed(only(results, 'transform-sample'), 'error', /did not end within 0.1 s/);
    assert.ok(Date.now() - started < 15_000);
  }).timeout(20_000);

  it('see documents that outgrow the limit', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ _id: 1 as never, blob: new Binary(Buffer.alloc(9_000_000)) });
    const big = await check(connection, {
      source: 'a',
      transform: (doc) => ({ $set: { copy: doc['blob'] as unknown } }),
    });
    assertFailed(only(big, 'document-size'), 'error', /will have 18 MB/);
    const near = await check(connection, {
      source: 'a',
      transform: () => ({ $set: { more: new Binary(Buffer.alloc(7_000_000)) } }),
    });
    assertFailed(only(near, 'document-size'), 'warning', /will have 16 MB/);
    assertPassed(
      only(await check(connection, { source: 'a', transform: () => ({ $set: { x: 1 } }) }), 'document-size'),
    );
  }).timeout(30_000);

  it('ask the validator about the results, types kept', async () => {
    const { db, connection } = await place();
    await db
      .createCollection('a', {
        validator: {
          $jsonSchema: {
            properties: { price: { bsonType: 'double' }, year: { bsonType: ['int', 'missing'] } },
          },
        },
      })
      .catch(async () =>
        db.createCollection('a', {
          validator: {
            $jsonSchema: { properties: { price: { bsonType: 'double' }, year: { bsonType: 'int' } } },
          },
        }),
      );
    await db.collection('a').insertOne({ _id: 1 as never, price: new Double(1), year: 1999 });
    const bad = await check(connection, { source: 'a', transform: () => ({ $set: { year: '1999' } }) });
    assertFailed(only(bad, 'validator'), 'error', /refuses 1 of 1 sampled results, for example 1/);
    const pipeline = await check(connection, {
      source: 'a',
      update: [{ $set: { year: { $toString: '$year' } } }],
    });
    assertFailed(only(pipeline, 'validator'), 'error', /refuses 1 of 1/);
    // 1.0 comes to the transform as 1; handed back unchanged it is a double still.
    const whole = await check(connection, { source: 'a', transform: (doc) => ({ ...doc, name: 'x' }) });
    assertPassed(only(whole, 'validator'), /accepts all 1/);
  });

  it('count documents that the validator refuses today when the results cannot be told', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany([{ n: 'x' }, { n: 'y' }, { n: 3 }]);
    await db.command({ collMod: 'a', validator: { n: { $type: 'number' } } });
    const unknown = await check(connection, { source: 'a', transform: () => ({ $inc: { m: 1 } }) });
    assertFailed(only(unknown, 'validator'), 'warning', /2 documents that the filter matches/);
  });

  it('find duplicates under unique indexes', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany([
      { _id: 1 as never, email: 'A@x' },
      { _id: 2 as never, email: 'a@x' },
    ]);
    await db.collection('a').createIndex({ email: 1 }, { unique: true });
    const transform = (doc: { email?: string }): object => ({ $set: { email: doc.email?.toLowerCase() } });
    assertFailed(only(await check(connection, { source: 'a', transform }), 'unique'), 'error', /email_1/);
    const server: Migration = { source: 'a', update: [{ $set: { email: { $toLower: '$email' } } }] };
    assertFailed(
      only(await check(connection, server), 'unique'),
      'error',
      /2 documents would have email = "a@x"/,
    );
    const harmless = await check(connection, { source: 'a', transform: () => ({ $set: { other: 1 } }) });
    assertPassed(only(harmless, 'unique'));
  });

  it('take no result of a pipeline for a duplicate of the document that it is merged with', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany([1, 2].map((n) => ({ _id: n as never, key: `k${n}`, mail: 'x@x' })));
    await db.collection('b').createIndex({ key: 1 }, { unique: true });
    await db.collection('b').createIndex({ mail: 1 }, { unique: true });
    await db.collection('b').insertOne({ _id: 9 as never, key: 'k1', mail: 'y@x' });
    const byKey = (fields: Document, more: Partial<PipelineMigration> = {}): Migration => ({
      source: 'a',
      pipeline: [{ $project: { _id: 0, ...fields } }],
      into: 'b',
      on: 'key',
      ...more,
    });
    const unique = async (migration: Migration) => only(await check(connection, migration), 'unique');
    const rest = { key: 1, mail: { $concat: ['$key', '@x'] } };
    assertPassed(await unique(byKey(rest)));
    assertPassed(await unique(byKey({ key: 'k1', mail: 1 })));
    assertPassed(await unique(byKey({ key: 1 }, { whenNotMatched: 'discard' })));
    assertPassed(await unique(byKey({ key: 1 }, { whenMatched: [], whenNotMatched: 'discard' })));
    assertFailed(await unique(byKey({ key: 1, mail: 1 })), 'error', /would both have mail = "x@x"/);
    const second = [{ $match: { _id: 2 } }, { $set: { mail: 'y@x' } }];
    assertFailed(
      await unique(byKey({}, { pipeline: second })),
      'error',
      /would have mail = "y@x", as 9 has already/,
    );
  });

  it('find documents that a TTL index would delete', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ at: '2001-01-01' });
    await db.collection('a').createIndex({ at: 1 }, { expireAfterSeconds: 3600 });
    const dates = await check(connection, {
      source: 'a',
      transform: (doc) => ({ $set: { at: new Date(String(doc['at'])) } }),
    });
    assertFailed(only(dates, 'ttl'), 'warning', /1 of 1 sampled results would be deleted .* at_1/);
    const later = await check(connection, { source: 'a', transform: () => ({ $set: { at: new Date() } }) });
    assertPassed(only(later, 'ttl'));
  });

  it('name the special indexes of touched fields', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ title: 'x', n: 1 });
    await db.collection('a').createIndex({ title: 'text' });
    await db.collection('a').createIndex({ n: 1 }, { partialFilterExpression: { n: { $gt: 0 } } });
    const touched = await check(connection, { source: 'a', transform: () => ({ $set: { n: -1 } }) });
    assertFailed(only(touched, 'touched-indexes'), 'warning', /n_1 is partial/);
    assertPassed(
      only(
        await check(connection, { source: 'a', transform: () => ({ $set: { m: 1 } }) }),
        'touched-indexes',
      ),
    );
  });

  it('name each kind of special index', async () => {
    const { db, connection } = await place();
    const point = { type: 'Point', coordinates: [1, 2] };
    await db.collection('a').insertOne({ title: 'x', n: 1, place: point, deep: { d: 1 } });
    const kinds: [object, object, object, RegExp][] = [
      [{ title: 'text' }, {}, { title: 'y' }, /title_text is of kind text/],
      [{ n: 1 }, { sparse: true }, { n: 2 }, /n_1 is sparse/],
      [{ n: 1 }, { hidden: true }, { n: 2 }, /n_1 is hidden/],
      [{ n: 'hashed' }, {}, { n: 2 }, /n_hashed is of kind hashed/],
      [{ place: '2dsphere' }, {}, { 'place.coordinates': [2, 3] }, /place_2dsphere is of kind 2dsphere/],
      [{ title: 1 }, { collation: { locale: 'de' } }, { title: 'y' }, /title_1 is under a collation/],
      [{ 'deep.$**': 1 }, {}, { 'deep.d': 2 }, /deep\.\$\*\*_1 is a wildcard index/],
      [{ '$**': 1 }, {}, { other: 2 }, /\$\*\*_1 is a wildcard index/],
    ];
    for (const [key, options, $set, says] of kinds) {
      const name = await db.collection('a').createIndex(key as never, options);
      const touched = await check(connection, { source: 'a', transform: () => ({ $set }) });
      assertFailed(only(touched, 'touched-indexes'), 'warning', says);
      if (!('$**' in key)) {
        const harmless = await check(connection, { source: 'a', transform: () => ({ $set: { m: 1 } }) });
        assertPassed(only(harmless, 'touched-indexes'));
      }
      await db.collection('a').dropIndex(name);
    }
  });

  it('count types and see the deprecated ones', async () => {
    const { db, connection } = await place();
    await db
      .collection('a')
      .insertMany([{ v: 'x' }, { v: 1 }, { v: Long.fromNumber(5) }, { v: new MinKey() }, {}]);
    const clean = await check(connection, { source: 'a', transform: () => ({ $set: { v: true } }) });
    const types = only(clean, 'types');
    assertPassed(types, /1 string/);
    assert.match(types.details, /1 missing/);
    assert.match(types.details, /1 long/);
    await db.command({ insert: 'a', documents: [{ v: new BSON.BSONSymbol('s') }] });
    const odd = await check(connection, { source: 'a', transform: () => ({ $set: { v: true } }) });
    assertFailed(only(odd, 'types'), 'warning', /deprecated types/);
  });

  it('see documents that do not survive decoding', async () => {
    const { db, connection } = await place();
    // Number-like names: JavaScript moves them to the front.
    await db.collection('a').insertOne(
      new Map<string, unknown>([
        ['_id', 1],
        ['b', 1],
        ['2', 2],
      ]),
    );
    assertFailed(
      only(await check(connection, { source: 'a', transform: noop }), 'fidelity'),
      'warning',
      /1 of 1/,
    );
    for (const damaged of [invalidText, duplicateName]) {
      await db.collection('a').deleteMany({});
      await sendWrites(db, 'insert', 'a', [damaged]);
      assertFailed(
        only(await check(connection, { source: 'a', transform: noop }), 'fidelity'),
        'warning',
        /1 of 1/,
      );
    }
    await db.collection('a').deleteMany({});
    await db.collection('a').insertOne({ b: new Double(1), l: Long.fromNumber(1) });
    assertPassed(only(await check(connection, { source: 'a', transform: noop }), 'fidelity'));
  });

  it('estimate how long it takes', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertMany(Array.from({ length: 100 }, (_one, n) => ({ n })));
    assertPassed(
      only(await check(connection, { source: 'a', transform: noop }), 'estimate'),
      /for 100 documents/,
    );
  });

  it('sample pipelines too', async () => {
    const { db, connection } = await place();
    await db.collection('orders').insertMany([{ items: [1, 2] }, { items: [3] }]);
    const results = await check(connection, {
      source: 'orders',
      pipeline: [
        { $unwind: '$items' },
        { $project: { _id: { $concat: [{ $toString: '$_id' }, '-', { $toString: '$items' }] } } },
      ],
      into: 'items',
    });
    assertPassed(only(results, 'transform-sample'), /2 documents tried/);
  });

  it('hide no other result when one check breaks', async () => {
    const { connection } = await place();
    const results = await runChecks(contextOf(connection, { source: 'a', transform: noop }), undefined, [
      {
        id: 'broken',
        title: 'Breaks',
        directions: ['up'],
        applies: () => true,
        run: () => Promise.reject(new Error('out of order')),
      },
      {
        id: 'fine',
        title: 'Works',
        directions: ['up'],
        applies: () => true,
        run: () => Promise.resolve({ severity: 'info', outcome: 'passed', details: 'Yes.' }),
      },
    ]);
    assertFailed(only(results, 'broken'), 'warning', /could not be checked: out of order/);
    assertPassed(only(results, 'fine'));
  });

  it('end when the run is cancelled', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ n: 1 });
    const cancel = new AbortController();
    const running = runChecks(
      contextOf(connection, { source: 'a', transform: noop }, { signal: cancel.signal }),
      () => cancel.abort(new Error('cancelled by the test')),
    );
    await assert.rejects(running, /cancelled by the test/);
  });
});
