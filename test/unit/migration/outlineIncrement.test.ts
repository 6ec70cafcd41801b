// What is parsed anew after an edit gives what parsing everything gives, whatever is typed and wherever.
import assert from 'node:assert/strict';
import { OutlineKeeper } from '../../../src/migration/outlineKeeper';
import { outlinedAfter } from '../../../src/migration/outlineIncrement';
import { outlineSource } from '../../../src/migration/outlineSource';

const modules: Record<string, string> = {
  'list.js': `const later = async (db) => { await db.command({ ping: 1 }); };
module.exports = [
  { name: 'a', async up(db) { /* one */ await db.collection('x').updateMany({}, { $set: { a: 1 } }); }, down: later },
  { name: 'b', source: 'y', transform: (doc) => { return { $set: { b: doc.a / 2 } }; } },
  { name: 'c', up: async function up(db) { const s = \`\${db}\`; }, description: 'third', requires: ['a'] },
];
`,
  'named.mjs': `import { readFile } from 'node:fs/promises';
export const description = 'named';
export async function up(db) { for await (const one of db.collection('x').find()) { one.a++; } }
export function down() { return { a: () => { return 1; } }; }
`,
  'typed.ts': `import { defineMigration } from 'migratory';
type Row = { a: number };
const helper = <T,>(value: T): T => { return value; };
class Box { #a = 1; get() { return this.#a; } }
export default defineMigration({
  source: 'rows',
  transform(row: Row): { $set: object } { return { $set: { b: helper(row.a)! } }; },
  validate: async (db): Promise<boolean> => { return (await db.collection('rows').countDocuments()) > 0; },
} as const);
`,
  'touched.js': `const migrations = [{ name: 'a', up() { return 1; } }];
migrations.forEach((one) => { one.name += '!'; });
(() => { other.push(1); })();
module.exports = { migrations, extra() { return () => { return 2; }; } };
exports.more = function () { return 3; };
`,
};

const typed = [
  ...'{}()[];:,.`\'"/\\ \n#@=x1'.split(''),
  'x();',
  'a++;',
  '/* b */',
  '/*',
  '*/',
  '//',
  '=>',
  '${',
  'await ',
  'return ',
  'export ',
  'yield ',
  'super.x()',
  '} , extra() {',
  '}; function more() {',
  'migrations.push(1);',
  'module.exports = 3;',
  'import.meta.url;',
  '{ name: 1 }',
  "name: 'z',",
  '<T>(x) => { return x; }',
  'function f() { }',
  '/[/]/.test(a)',
  'a = b / 2 / 1;',
  'const text = `${`a`}`;',
  '"use strict";',
  'let a; let a;',
  'new.target;',
  'with (a) { }',
  '010',
];

/** The same numbers every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function edited(text: string, next: (below: number) => number): string {
  const at = next(text.length + 1);
  const gone = next(4) === 0 ? next(12) : 0;
  const piece = next(5) === 0 ? '' : (typed[next(typed.length)] ?? '');
  return text.slice(0, at) + piece + text.slice(at + gone);
}

describe('outlines after an edit', () => {
  for (const [file, source] of Object.entries(modules)) {
    it(`are those of the whole text, whatever is typed into ${file}`, () => {
      const next = numbers(file.length * 7919);
      let short = 0;
      for (let round = 0; round < 120; round++) {
        const keeper = new OutlineKeeper();
        let text = source;
        keeper.outline('key', text, file);
        for (let edit = 0; edit < 8; edit++) {
          const before = { text, outline: outlineSource(text, file) };
          text = edited(text, next);
          if (!before.outline.error && outlinedAfter(before, text, file)) short++;
          const kept = keeper.outline('key', text, file);
          const whole = outlineSource(text, file);
          if (whole.error) assert.deepEqual(kept.error, whole.error, text);
          else assert.deepEqual(kept, whole, text);
          // Taken back, mostly, or nothing would parse any more.
          if (whole.error && next(4) > 0) text = before.text;
        }
      }
      assert.ok(short > 25, `only ${short} edits were read by themselves`);
    });
  }

  it('are taken from before where only the inside of a function has changed', () => {
    for (const [file, source] of Object.entries(modules)) {
      const before = { text: source, outline: outlineSource(source, file) };
      const inside = source.replace(/\breturn (?=\(|1;|\{ a|\{ \$set: \{ b: d)|await db\.coll/, ';$&');
      assert.notEqual(inside, source, file);
      const after = outlinedAfter(before, inside, file);
      assert.ok(after, file);
      assert.deepEqual(after.outline, outlineSource(inside, file));
      assert.equal(outlinedAfter(before, source.replace(/\n$/, '\n;'), file), undefined);
      assert.equal(outlinedAfter(before, inside.replace(/;return|;await/, '} $&'), file), undefined);
    }
  });
});
