import assert from 'node:assert/strict';
import { operatorKeys } from '../../../src/migration/operatorKeys';

describe('operatorKeys', () => {
  it('finds unquoted operators and stages, and nothing that only looks like them', () => {
    const text = `
      // { $set: 1 }
      const $set = { '$inc': 1, $nonsense: 2, a: $gt, "x": '$match: ' };
      db.collection('a').updateMany({ n: { $gt: 1, $lt : 2 } }, { $set: { n: \`\${{ $in: 1 }}\` } });
      db.collection('a').aggregate([{ $match: {} }, { $unset: 'b' }, { $group: { _id: { $year: '$at' } } }]);
      const x = y ? $push : z; type T = { $pull?: 1 };`;
    assert.deepEqual(
      operatorKeys(text).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`),
      [
        'operator $gt',
        'operator $lt',
        'operator $set',
        'stage $match',
        'operator $unset',
        'stage $group',
        'operator $year',
      ],
    );
  });
});
