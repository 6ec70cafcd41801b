// Every snippet as a person gets it who presses Tab through all places: it parses, and the outline sees in it
// the migration that its description promises.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@babel/parser';
import { outlineSource } from '../../src/migration/outlineSource';
import { filled } from './support/snippet';

interface Snippet {
  prefix: string;
  description: string;
  body: string[];
}

const root = join(import.meta.dirname, '..', '..');
const languages = [
  { name: 'javascript', file: 'migration.js' },
  { name: 'typescript', file: 'migration.ts' },
  { name: 'python', file: 'migration.py' },
];

function read(language: string): Record<string, Snippet> {
  return JSON.parse(readFileSync(join(root, 'snippets', `${language}.json`), 'utf8')) as Record<
    string,
    Snippet
  >;
}

const kinds: Record<string, string[]> = {
  'migration-script': ['script'],
  'migration-transform': ['transform'],
  'migration-update': ['transform'],
  'migration-pipeline': ['pipeline'],
  'migration-array': ['script', 'script'],
  'migration-index': ['script'],
  'migration-convert': ['script'],
  'migration-extract': ['script'],
  'migration-batch': ['script'],
};

describe('Snippets', () => {
  for (const { name, file } of languages) {
    for (const [title, { prefix, description, body }] of Object.entries(read(name))) {
      it(`of ${name}: "${title}" is a whole migration`, () => {
        const text = filled(body.join('\n'));
        assert.doesNotMatch(text, /\$\{\d|\\/);
        if (name !== 'python') {
          parse(text, { sourceType: 'unambiguous', plugins: name === 'typescript' ? ['typescript'] : [] });
        }
        if (name === 'python') {
          execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: text });
        }
        const outline = outlineSource(text, file);
        assert.equal(outline.error, undefined);
        const found = outline.entries.map(({ kind }) => kind);
        // Python has scripts only, and a list of one is a list all the same.
        assert.deepEqual(found, name === 'python' ? ['script'] : kinds[prefix]);
        assert.ok(description.length > 10);
      });
    }
  }

  it('have the same prefixes in JavaScript and TypeScript, each once', () => {
    const prefixes = (language: string): string[] =>
      Object.values(read(language)).map(({ prefix }) => prefix);
    assert.deepEqual(prefixes('javascript'), prefixes('typescript'));
    assert.deepEqual([...new Set(prefixes('javascript'))].sort(), Object.keys(kinds).sort());
  });
});
