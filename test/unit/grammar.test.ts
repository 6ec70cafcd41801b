// The names that the grammar colours are those of the table of operators, each under the first of its meanings that a
// reader of a migration would think of.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OperatorKind } from '../../src/migration/mongoOperators';
import { operatorsOf } from '../../src/migration/mongoOperators';

interface Grammar {
  repository: { names: { patterns: { name: string; match: string }[] } };
}

const groups: [scope: string, kinds: OperatorKind[]][] = [
  ['keyword.other.update.mongodb', ['update', 'modifier']],
  ['keyword.control.stage.mongodb', ['stage']],
  ['keyword.operator.expression.query.mongodb', ['query', 'condition', 'parameter']],
  ['support.function.expression.mongodb', ['expression', 'accumulator', 'window']],
];

describe('syntaxes/mongodb-strings.tmLanguage.json', () => {
  it('colours every name of the table of operators', () => {
    const file = join(import.meta.dirname, '..', '..', 'syntaxes', 'mongodb-strings.tmLanguage.json');
    const { repository } = JSON.parse(readFileSync(file, 'utf8')) as Grammar;
    const taken = new Set<string>();
    const expected = groups.map(([scope, kinds]) => {
      const names = operatorsOf(kinds)
        .map(({ name }) => name.slice(1))
        .filter((name) => !taken.has(name));
      names.sort();
      for (const name of names) taken.add(name);
      return { name: scope, match: `\\$(?:${names.join('|')})(?![\\w$])` };
    });
    assert.deepEqual(repository.names.patterns, expected);
  });
});
