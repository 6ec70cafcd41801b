// Every snippet for JavaScript as a person gets it who presses Tab through all places: it passes its dry run on a real
// database and changes what it promises.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../tools/build';
import { filled } from '../../unit/support/snippet';
import { Project } from '../helpers/project';

const snippets = JSON.parse(readFileSync(join(root, 'snippets', 'javascript.json'), 'utf8')) as Record<
  string,
  { prefix: string; body: string[] }
>;

describe('snippets', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  for (const [title, { prefix, body }] of Object.entries(snippets)) {
    it(`"${title}" passes its dry run`, async () => {
      project = await Project.create({ 'a.js': filled(body.join('\n')) });
      const { db } = project;
      await db.collection('collection').insertMany([
        { first: 'A', last: 'B', ...(prefix === 'migration-script' ? {} : { field: '2024-01-31' }) },
        { first: 'C', last: 'D' },
      ]);
      await db.collection('orders').insertMany([{ status: 'paid', total: 5, lines: [{ sku: 'a' }] }]);
      assert.equal((await project.run({ mode: 'dry-run' })).exitCode, 0);
      const reports = project.events.flatMap((event) => (event.type === 'report' ? [event.report] : []));
      assert.equal(reports.length, prefix === 'migration-array' ? 2 : 1);
      for (const { error, repeatable, collections, warnings } of reports) {
        assert.deepEqual([error, warnings], [null, []]);
        assert.equal(repeatable.answer, 'yes', repeatable.details);
        assert.ok(
          collections.some(({ changed, inserted, indexes }) => changed + inserted + indexes.length > 0),
          JSON.stringify(collections),
        );
      }
    });
  }
});
