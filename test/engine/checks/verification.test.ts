import assert from 'node:assert/strict';
import { Double, Long, type Db } from 'mongodb';
import type { ChecksContext } from '../../../src/engine/checks/check';
import { foretell, type Foretold } from '../../../src/engine/checks/comparison';
import { runChecks } from '../../../src/engine/checks/runChecks';
import type { Sample } from '../../../src/engine/checks/sample';
import { verify } from '../../../src/engine/checks/verification';
import type { RunFacts } from '../../../src/engine/checks/verification';
import type { Connection } from '../../../src/engine/connect';
import type {
  Migration,
  ScriptMigration,
  TransformMigration,
  ValidateResult,
} from '../../../src/migration/kinds';
import type { CheckResult } from '../../../src/protocol/run';
import { sendWrites } from '../../../src/transfer/command';
import { invalidText, unknownOption } from './damaged';
import { assertFailed, assertPassed, contextOf, only, place } from './support';

const transform = (validate?: TransformMigration['validate']): TransformMigration => ({
  source: 'a',
  transform: () => ({ $set: { done: true } }),
  ...(validate ? { validate } : {}),
});

async function verified(
  connection: Connection,
  migration: Migration,
  facts: RunFacts | null = { processed: 3, total: 3 },
  more: Partial<ChecksContext> = {},
): Promise<CheckResult[]> {
  return verify(contextOf(connection, migration, more), facts);
}

async function threeDocuments(): Promise<Awaited<ReturnType<typeof place>>> {
  const at = await place();
  await at.db.collection('a').insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
  return at;
}

describe('verification after a run', () => {
  it('passes when all is well', async () => {
    const { connection } = await threeDocuments();
    const results = await verified(
      connection,
      transform(() => true),
      { processed: 3, total: 3, sourceBefore: 3 },
    );
    assert.deepEqual(
      results.map(({ id, outcome }) => `${id}:${outcome}`),
      ['author-validate:passed', 'counts:passed', 'validator-violations:passed', 'reread:passed'],
    );
  });

  it('hears the author: a boolean, a list, an exception, nothing', async () => {
    const { connection } = await threeDocuments();
    const says = async (validate: () => ValidateResult): Promise<CheckResult> =>
      only(await verified(connection, transform(validate)), 'author-validate');
    assertFailed(await says(() => false), 'error', /returned false/);
    assertFailed(
      await says(() => {
        throw new Error('three are missing');
      }),
      'error',
      /three are missing/,
    );
    assertPassed(await says(() => undefined));
    const list = await verified(
      connection,
      transform(() => [
        { check: 'all done', passed: true },
        { check: 'none left', passed: false, details: '2 left' },
      ]),
    );
    const named = new Map(list.map((result) => [result.check, result]));
    assert.equal(named.get('all done')?.outcome, 'passed');
    assertFailed(named.get('none left') as CheckResult, 'error', /2 left/);
  });

  it('hands validate the collection, or the database to a script', async () => {
    const { connection } = await threeDocuments();
    const counted = await verified(
      connection,
      transform(async (collection) => (await collection.countDocuments()) === 3),
    );
    assertPassed(only(counted, 'author-validate'));
    const script: ScriptMigration = {
      up: () => undefined,
      validate: async (db, ctx) => (await db.collection('a').countDocuments()) === 3 && ctx.args['x'] === 1,
    };
    const results = await verified(connection, script, null, { args: { x: 1 } });
    assertPassed(only(results, 'author-validate'));
    assert.equal(results.length, 1, 'nothing else is known of a script');
  });

  it('misses documents that nobody accounts for', async () => {
    const { connection } = await threeDocuments();
    const lost = await verified(connection, transform(), { processed: 1, skipped: 1, total: 3 });
    assertFailed(
      only(lost, 'counts'),
      'warning',
      /1 document written, 1 left as they were, though 3 were expected/,
    );
    const aside = await verified(connection, transform(), {
      processed: 1,
      quarantined: 2,
      errors: 2,
      total: 3,
    });
    assertPassed(only(aside, 'counts'), /2 in quarantine/);
    const shrunk = await verified(connection, transform(), { processed: 3, total: 3, sourceBefore: 5 });
    assertFailed(only(shrunk, 'counts'), 'warning', /2 fewer than before/);
  });

  it('looks whether the target got its documents', async () => {
    const { db, connection } = await threeDocuments();
    const elsewhere: Migration = { ...transform(), into: 'b' };
    const facts = { processed: 3, total: 3, targetBefore: 0 };
    assertFailed(
      only(await verified(connection, elsewhere, facts), 'target-count'),
      'error',
      /b holds 0 documents/,
    );
    await db.collection('b').insertMany([{}, {}, {}]);
    assertPassed(only(await verified(connection, elsewhere, facts), 'target-count'), /3 more than before/);
  });

  it('counts what the validator refuses', async () => {
    const { db, connection } = await threeDocuments();
    await db.command({ collMod: 'a', validator: { n: { $lt: 3 } } });
    const results = await verified(connection, transform());
    assertFailed(only(results, 'validator-violations'), 'warning', /1 document in a does not satisfy/);
  });

  it('sees a required index that is gone', async () => {
    const { db, connection } = await threeDocuments();
    const indexed: Migration = { ...transform(), requiredIndexes: [{ n: 1 }] };
    assertFailed(only(await verified(connection, indexed), 'index'), 'error', /no index \{"n":1\}/);
    await db.collection('a').createIndex({ n: 1 });
    assertPassed(only(await verified(connection, indexed), 'index'), /n_1 on a serves it/);
  });

  describe('compares documents with what was foretold before the run', () => {
    /** Foretells, lets `work` happen, and verifies. */
    async function compared(
      change: TransformMigration['transform'],
      work: (db: Db) => Promise<unknown>,
      more: Partial<TransformMigration> = {},
    ): Promise<CheckResult> {
      const { db, connection } = await place();
      await db.collection<any>('a').insertMany([
        { _id: 1, n: new Double(1), name: 'one', more: { big: Long.fromNumber(1) } },
        { _id: 2, n: new Double(2), name: 'two', more: { big: Long.fromNumber(2) } },
      ]);
      const migration = { source: 'a', transform: change, ...more } as TransformMigration;
      let foretold: Foretold[] = [];
      const onSample = (sample: Sample): void => void (foretold = foretell(sample));
      await runChecks(contextOf(connection, migration, { onSample }));
      await work(db);
      return only(
        await verified(connection, migration, { processed: 2, total: 2, foretold }),
        'sample-comparison',
      );
    }
    const lower = (): object => ({ $set: { name: 'x' } });
    const rows = (db: Db) => db.collection<any>('a');

    it('and passes where it became true', async () => {
      assertPassed(
        await compared(lower, (db) => rows(db).updateMany({}, { $set: { name: 'another' } })),
        /2 documents of a compared/,
      );
      const left = (doc: { name?: string }): object | null => (doc.name === 'one' ? lower() : null);
      assertPassed(await compared(left, (db) => rows(db).updateOne({ _id: 1 }, { $set: { name: 'x' } })));
      const copy = (db: Db) =>
        db
          .collection<any>('b')
          .insertOne({ _id: 1, name: 'x', n: new Double(1), more: { big: Long.fromNumber(1) } });
      assertPassed(await compared(left, copy, { into: 'b' }), /1 document of b compared/);
    });

    it('and tells another type, a changed field, one that stayed away and a lost document', async () => {
      const says = async (work: (db: Db) => Promise<unknown>): Promise<string> => {
        const result = await compared(lower, work);
        assertFailed(result, 'warning', /are not what was foretold/);
        return result.details;
      };
      const set = (fields: object) => (db: Db) => rows(db).updateMany({}, { $set: { name: 'x', ...fields } });
      assert.match(await says(set({ name: 5 })), /1 \("name" is of another type\)/);
      // 1 for 1.0, Int32 for Long: what a driver makes of documents that pass through JavaScript.
      assert.match(await says(set({ n: 1 })), /1 \("n" was not to be touched\)/);
      assert.match(await says(set({ more: { big: 1 } })), /1 \("more" was not to be touched\)/);
      assert.match(
        await says((db) => rows(db).updateMany({}, { $unset: { name: '' } })),
        /"name" is missing/,
      );
      assert.match(await says((db) => rows(db).deleteOne({ _id: 2 })), /2 \(it is gone\)/);
    });
  });

  it('reads documents of the target again', async () => {
    const { db, connection } = await threeDocuments();
    assertPassed(only(await verified(connection, transform()), 'reread'), /3 documents of a read again/);
    // Text that is no UTF-8 is no damage: it was stored like that, and keeps its bytes.
    await sendWrites(db, 'insert', 'a', [invalidText]);
    assertPassed(only(await verified(connection, transform()), 'reread'), /4 documents of a read again/);
    await sendWrites(db, 'insert', 'a', [unknownOption]);
    const damaged = only(await verified(connection, transform()), 'reread');
    assertFailed(damaged, 'error', /1 of 5 documents in a cannot be decoded/);
    await db.collection('a').deleteMany({});
    assert.equal(only(await verified(connection, transform()), 'reread').outcome, 'skipped');
  });
});
