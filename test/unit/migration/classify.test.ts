import assert from 'node:assert/strict';
import { checkNames, classifyMigration } from '../../../src/migration/classify';
import type { LoadedMigration } from '../../../src/migration/kinds';

const migration = (name: string, file?: string): LoadedMigration =>
  classifyMigration({ name, up: () => undefined }, { place: 'the list', index: 0, count: 1, file });

describe('classifyMigration', () => {
  it('gives a name, a kind and the definition itself', () => {
    const definition = { source: 'movies', update: [{ $set: { a: 1 } }] };
    const loaded = classifyMigration(definition, {
      place: 'x',
      index: 2,
      count: 1,
      fallbackName: 'x.js',
      file: '/x.js',
    });
    assert.deepEqual(loaded, { name: 'x.js', kind: 'transform', file: '/x.js', index: 2, definition });
    assert.equal(loaded.definition, definition);
  });

  it('names the place in the list when a program hands one over', () => {
    assert.throws(() => classifyMigration({ name: 'a' }, { place: 'the list', index: 1, count: 3 }), {
      message: 'Migration 2 of the list has neither "up" nor "source", so there is nothing to run.',
    });
  });
});

describe('checkNames', () => {
  it('accepts different names', () => checkNames([migration('a'), migration('b')]));

  it('names both files of a double name', () => {
    assert.throws(() => checkNames([migration('a', '/p/1.js'), migration('a', '/p/2.js')]), {
      name: 'UserError',
      message: 'Two migrations are called "a": in /p/1.js and in /p/2.js.',
    });
  });

  it('says when both stand in one place', () => {
    assert.throws(() => checkNames([migration('a', '/p/1.js'), migration('a', '/p/1.js')], () => '1.js'), {
      message: 'Two migrations are called "a": both in 1.js.',
    });
    assert.throws(() => checkNames([migration('a'), migration('a')]), {
      message: 'Two migrations are called "a": both in the list.',
    });
  });
});
