import assert from 'node:assert/strict';
import type { ChecksContext } from '../../../src/engine/checks/check';
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
