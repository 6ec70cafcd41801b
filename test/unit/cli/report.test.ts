import assert from 'node:assert/strict';
import { renderReport } from '../../../src/cli/report';
import type { DryRunReport } from '../../../src/protocol/events';

const report: DryRunReport = {
  step: '1-dates.js',
  kind: 'transform',
  succeeded: true,
  error: null,
  sampled: { documents: 2084, of: 32010, complete: false },
  commands: { update: 3 },
  collections: [
    {
      collection: 'movies',
      scanned: 2084,
      changed: 2000,
      inserted: 0,
      deleted: 1500,
      indexes: ['index a_1 created'],
      options: [],
    },
  ],
  diffs: [],
  refusedByValidator: 0,
  repeatable: { answer: 'yes', details: 'A second run changes nothing more.' },
  reversible: { answer: 'no', details: '20 documents differ.' },
  estimate: { documents: 32010, seconds: 0.6, growthBytes: -25608 },
  warnings: ['It connected to example.com.'],
};

describe('the report of a dry run in a terminal', () => {
  it('writes numbers, sizes and times for people', () => {
    assert.deepEqual(renderReport(report), [
      'rehearsed on 2,084 of 32,010 documents',
      'commands: update 3',
      'movies: 2,000 of 2,084 changed, 0 inserted, 1,500 deleted; index a_1 created',
      'repeatable: yes. A second run changes nothing more.',
      'reversible: no. 20 documents differ.',
      'the whole data: about 32,010 documents in less than a second, 25.6 kB less',
      'warning: It connected to example.com.',
    ]);
  });

  it('says nothing of a size or a time that is not known', () => {
    const estimate = { documents: 5, seconds: 200, growthBytes: null };
    const all = { documents: 5, of: 5, complete: true };
    const lines = renderReport({ ...report, estimate, sampled: all });
    assert.equal(lines[0], 'rehearsed on all 5 documents');
    assert.ok(lines.includes('the whole data: about 5 documents in 3m 20s'));
    const unknown = renderReport({ ...report, estimate: { ...estimate, seconds: null } });
    assert.ok(!unknown.some((line) => line.startsWith('the whole data')));
  });
});
