// The table of operators that editors show, held against a real server: it must know each name where the table says
// so, and not know what the table calls newer than itself.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { type OperatorKind, operatorsOf } from '../../../src/migration/mongoOperators';
import { replicaSet } from '../../support/server';
import { skip } from '../../support/skip';

/** How to ask the server about a name of a kind, and how it says that there is no such thing. */
const questions: Partial<Record<OperatorKind, { ask(db: Db, name: string): Promise<unknown>; no: RegExp }>> =
  {
    stage: {
      // An empty first batch, so that a change stream does not wait.
      ask: (db, name) => db.command({ aggregate: 'a', pipeline: [{ [name]: {} }], cursor: { batchSize: 0 } }),
      no: /^Unrecognized pipeline stage name|not allowed in user requests/,
    },
    query: {
      ask: (db, name) =>
        db
          .collection('a')
          .find({ [name]: {} })
          .toArray(),
      no: /^unknown (top level )?operator/,
    },
    condition: {
      ask: (db, name) =>
        db
          .collection('a')
          .find({ field: { [name]: {} } })
          .toArray(),
      no: /^unknown operator/,
    },
    update: {
      ask: (db, name) => db.collection('a').updateOne({}, { [name]: { field: 1 } }),
      no: /^Unknown modifier/,
    },
    modifier: {
      ask: (db, name) =>
        db.command({ update: 'a', updates: [{ q: {}, u: { $push: { field: { $each: [], [name]: 1 } } } }] }),
      no: /^Unrecognized clause in \$push/,
    },
    expression: {
      ask: (db, name) =>
        db
          .collection('a')
          .aggregate([{ $project: { field: { [name]: {} } } }])
          .toArray(),
      no: /(Unrecognized|Unknown) expression/,
    },
    accumulator: {
      ask: (db, name) =>
        db
          .collection('a')
          .aggregate([{ $group: { _id: 1, field: { [name]: {} } } }])
          .toArray(),
      no: /unknown group operator/,
    },
    window: {
      ask: (db, name) =>
        db
          .collection('a')
          .aggregate([{ $setWindowFields: { sortBy: { n: 1 }, output: { field: { [name]: {} } } } }])
          .toArray(),
      no: /Unrecognized (window function|pipeline stage)|unknown window function|is not a valid window function/,
    },
    variable: {
      ask: (db, name) =>
        db
          .collection('a')
          .aggregate([{ $project: { field: name } }])
          .toArray(),
      no: /Use of undefined variable/,
    },
  };
/** Named by the expression or stage around them. */
const local = new Set(['$$this', '$$value', '$$DESCEND', '$$PRUNE', '$$KEEP']);
/** No name of a server of its own: what a community server says about them says nothing. */
const elsewhere = new Set(['$search', '$searchMeta', '$vectorSearch', '$$SEARCH_META', '$listSearchIndexes']);

describe('the table of operators', function () {
  this.timeout(60_000);
  let db: Db;
  let version: number[];
  before(async () => {
    ({ db } = await (await replicaSet()).database());
    await db.collection('a').insertOne({ field: [] });
    const info = (await db.admin().buildInfo()) as { versionArray: number[] };
    version = info.versionArray;
  });

  for (const [kind, question] of Object.entries(questions)) {
    it(`names every ${kind} as the server does`, async function () {
      if (kind === 'window' && !knows(version, '5.0')) skip(this, 'Windows came with MongoDB 5.0.');
      const wrong: string[] = [];
      for (const { name, since } of operatorsOf([kind as OperatorKind])) {
        if (local.has(name) || elsewhere.has(name)) continue;
        const answer = await question.ask(db, name).then(
          () => '',
          (error: Error) => error.message,
        );
        if (question.no.test(answer) === knows(version, since)) wrong.push(`${name}: ${answer}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
});

function knows(version: readonly number[], since = '4.4.0'): boolean {
  const wanted = since.split('.').map(Number);
  for (const [place, part] of wanted.entries()) {
    const have = version[place] ?? 0;
    if (have !== part) return have > part;
  }
  return true;
}
