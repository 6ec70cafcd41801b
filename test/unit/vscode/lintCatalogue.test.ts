import assert from 'node:assert/strict';
import { setImmediate as settled } from 'node:timers/promises';
import { lintSource } from '../../../src/migration/lint/lint';
import type { ConnectionInfo } from '../../../src/vscode/connectionRecords';
import { LintCatalogue } from '../../../src/vscode/lintCatalogue';

const connection = { id: 'local', name: 'local', production: false } as ConnectionInfo;
const unique = `module.exports = {
  async up(db) {
    await db.collection('people').createIndex({ mail: 1 }, { unique: true });
  },
  async down() {},
};
`;

/** A catalogue whose database answers what `answers` says, and the questions that reached it. */
function catalogueOf(answers: { lintCatalogue?: unknown; duplicates?: unknown }, mayAsk = true) {
  const asked: string[] = [];
  let now = 0;
  const catalogue = new LintCatalogue(
    { target: (id) => Promise.resolve({ name: id, uri: '', database: 'shop' }) },
    {
      call: (method) => {
        asked.push(method);
        const answer = answers[method as keyof typeof answers];
        return answer instanceof Error ? Promise.reject(answer) : (Promise.resolve(answer) as never);
      },
    },
    () => mayAsk,
    () => now,
  );
  let told = 0;
  catalogue.onDidChange(() => told++);
  return { catalogue, asked, told: () => told, wait: (ms: number) => (now += ms) };
}

describe('what lint asks of the database', () => {
  it('is answered behind the text, told once it is known, and asked again when it is old', async () => {
    const answers = { lintCatalogue: { collections: ['a'], schemas: {} } };
    const { catalogue, asked, told, wait } = catalogueOf(answers);
    assert.deepEqual(catalogue.of(connection), {});
    await settled();
    assert.deepEqual(catalogue.of(connection), answers.lintCatalogue);
    assert.deepEqual([asked.length, told()], [1, 1]);
    wait(31_000);
    assert.deepEqual(catalogue.of(connection), answers.lintCatalogue, 'what is old counts until then');
    await settled();
    assert.deepEqual([asked.length, told()], [2, 1], 'nothing new is no reason to look again');
    answers.lintCatalogue = { collections: ['a', 'b'], schemas: {} };
    wait(31_000);
    catalogue.of(connection);
    await settled();
    assert.deepEqual([asked.length, told()], [3, 2]);
  });

  it('is not asked without a connection, without leave, and of production only what reads no documents', async () => {
    const [finding] = lintSource(unique, 'a.js');
    assert.equal(finding?.question?.collection, 'people');
    const silent = catalogueOf({}, false);
    assert.deepEqual(silent.catalogue.of(connection), {});
    assert.equal(silent.catalogue.settle(finding, connection), finding);
    assert.deepEqual(silent.catalogue.of(undefined), {});
    const production = catalogueOf({ duplicates: 0 });
    const guarded = { ...connection, production: true };
    assert.equal(production.catalogue.settle(finding, guarded), finding);
    await settled();
    assert.equal(production.catalogue.settle(finding, guarded), finding);
    assert.deepEqual([...silent.asked, ...production.asked], []);
  });

  it('takes a finding away, says more of it, or leaves it', async () => {
    const [finding] = lintSource(unique, 'a.js');
    assert.ok(finding);
    for (const [duplicates, message] of [
      [0, undefined],
      [1, /^This index cannot be built now: 1 value is there more than once in mail of "people"\.$/],
      [null, /^A unique index cannot be built/],
      [new Error('gone'), /^A unique index cannot be built/],
    ] as const) {
      const { catalogue, asked } = catalogueOf({ duplicates });
      assert.equal(catalogue.settle(finding, connection), finding);
      await settled();
      const found = catalogue.settle(finding, connection);
      if (message === undefined) assert.equal(found, undefined);
      else assert.match(found?.message ?? '', message);
      assert.deepEqual(asked, ['duplicates']);
    }
  });
});
