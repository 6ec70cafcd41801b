// Every snippet as a person gets it who presses Tab through all places: it parses, and the outline sees in it
// the migration that its description promises.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@babel/parser';
import { outlineSource } from '../../src/migration/outlineSource';

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

/** The text with every placeholder's default, the first of every choice, and nothing at bare tab stops. */
function filled(body: string): string {
  let at = 0;
  const until = (end: string): string => {
    let text = '';
    while (at < body.length && !body.startsWith(end, at)) {
      if (body[at] === '\\' && '$}\\|,'.includes(body[at + 1] ?? '')) {
        text += body[at + 1];
        at += 2;
      } else if (body[at] === '$') text += place();
      else text += body[at++];
    }
    return text;
  };
  const place = (): string => {
    const bare = /^\$\d+|^\$\{\d+\}/.exec(body.slice(at));
    if (bare) {
      at += bare[0].length;
      return '';
    }
    const head = /^\$\{\d+([:|])/.exec(body.slice(at));
    assert.ok(head, `no placeholder at ${body.slice(at, at + 30)}`);
    at += head[0].length;
    const choice = head[1] === '|';
    const inside = until(choice ? '|}' : '}');
    at += choice ? 2 : 1;
    return choice ? (inside.split(',')[0] ?? '') : inside;
  };
  // The end never comes, so this reads to the end of the text.
  return until('\0');
}

const kinds: Record<string, string[]> = {
  'migration-script': ['script'],
  'migration-transform': ['transform'],
  'migration-update': ['transform'],
  'migration-pipeline': ['pipeline'],
  'migration-array': ['script', 'script'],
  'migration-index': ['script'],
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
        const outline = outlineSource(text, file);
        assert.equal(outline.error, undefined);
        const found = outline.entries.map(({ kind }) => kind);
        const expected = kinds[prefix];
        // A list of one is a list all the same.
        assert.deepEqual(found, name === 'python' && prefix === 'migration-array' ? ['script'] : expected);
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
