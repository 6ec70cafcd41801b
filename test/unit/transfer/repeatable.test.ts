// Which update pipelines make the same of the same document at any time.
import assert from 'node:assert/strict';
import { Timestamp, type Document } from 'mongodb';
import { rawPipeline } from '../../../src/transfer/command';
import { isRepeatable } from '../../../src/transfer/repeatable';

const judge = (...update: Document[]): boolean => isRepeatable(rawPipeline(update));

describe('update pipelines that can be told again', () => {
  it('compute from the document alone', () => {
    assert.ok(
      judge({ $set: { a: { $add: ['$b', 1] }, c: { d: 'text', e: null } } }, { $unset: ['x', 'y.z'] }),
    );
    assert.ok(judge({ $set: { all: { $mergeObjects: ['$$ROOT', { n: { $size: '$$CURRENT.tags' } }] } } }));
    assert.ok(judge({ $set: { a: { $map: { input: '$a', as: 'each', in: { $toInt: '$$each' } } } } }));
    assert.ok(judge({ $set: { a: { $cond: ['$b', '$$REMOVE', { $literal: '$$NOW' }] } } }));
  });

  it('are no others', () => {
    assert.ok(!judge({ $set: { at: '$$NOW' } }));
    assert.ok(!judge({ $set: { at: { $dateAdd: { startDate: '$$NOW', unit: 'day', amount: 1 } } } }));
    assert.ok(!judge({ $set: { at: '$$CLUSTER_TIME' } }));
    assert.ok(!judge({ $set: { n: { $rand: {} } } }));
    assert.ok(!judge({ $set: { n: { $function: { body: 'f', args: [], lang: 'js' } } } }));
    assert.ok(!judge({ $set: { tags: { $setUnion: ['$a', '$b'] } } }));
    assert.ok(!judge({ $set: { n: { $newOperatorOfNextYear: 1 } } }));
    assert.ok(!judge({ $set: { at: new Timestamp({ t: 0, i: 0 }) } }));
    assert.ok(!judge({ $set: { at: { $literal: new Timestamp({ t: 0, i: 0 }) } } }));
    assert.ok(!judge({ $set: { b: { 2: 'two', 1: 'one' } } }));
    assert.ok(!judge({ $newStage: { a: 1 } }));
    assert.ok(!judge({ $replaceWith: '$$ROOT' }));
    assert.ok(!judge({ $set: { _id: '$_id' } }));
    assert.ok(!judge({ $set: { '_id.a': 1 } }));
    assert.ok(!judge({ $unset: ['a', '_id.b'] }));
  });
});
