import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';
import type { Outline } from '../../../src/migration/outline';

/** An entry in short: `name kind [index] line` and what else it says. */
function brief(outline: Outline, text: string): string[] {
  return outline.entries.map((entry) => {
    const line = text.slice(0, entry.start).split('\n').length;
    const marks = [
      entry.index > 0 ? `#${entry.index}` : '',
      entry.hasDown ? 'down' : '',
      entry.irreversible === undefined ? '' : `irreversible=${entry.irreversible}`,
      entry.description === undefined ? '' : `"${entry.description}"`,
      entry.requires === undefined ? '' : `requires=${entry.requires.join('+')}`,
    ];
    return [entry.name ?? '?', entry.kind, `line ${line}`, ...marks].filter(Boolean).join(' ');
  });
}

interface Case {
  title: string;
  file?: string;
  text: string;
  entries: string[];
  /** True unless said otherwise. */
  complete?: boolean;
}

const commonJs: Case[] = [
  {
    title: 'module.exports with methods',
    text: `module.exports = {\n  async up(db) {},\n  async down(db) {},\n};\n`,
    entries: ['m.js script line 1 down'],
  },
  {
    title: 'module.exports of functions declared above',
    text: `async function up(db) {}\nasync function down(db) {}\n\nmodule.exports = { up, down };`,
    entries: ['m.js script line 4 down'],
  },
  {
    title: 'exports.up and exports.down',
    text: `'use strict';\nexports.up = async (db) => {};\nexports.down = async (db) => {};`,
    entries: ['m.js script line 2 down'],
  },
  {
    title: 'module.exports.up alone',
    text: `module.exports.up = function (db, client) {};`,
    entries: ['m.js script line 1'],
  },
  {
    title: 'exports chained with module.exports',
    text: `exports = module.exports = { up() {} };`,
    entries: ['m.js script line 1'],
  },
  {
    title: 'an object that gets its down afterwards',
    text: `module.exports = { up() {} };\nmodule.exports.down = () => {};`,
    entries: ['m.js script line 1 down'],
  },
  {
    title: 'quoted keys',
    text: `module.exports = { 'name': 'quoted', 'up': async () => {}, "down": null };`,
    entries: ['quoted script line 1'],
  },
  {
    title: 'an array',
    text: `module.exports = [\n  { name: 'a', up() {} },\n  { name: 'b', up() {}, down() {} },\n];`,
    entries: ['a script line 2', 'b script line 3 #1 down'],
  },
  {
    title: 'an array of names',
    text: `const a = { name: 'a', up() {} };\nconst b = { name: 'b', up() {} };\nmodule.exports = [a, b];`,
    entries: ['a script line 1', 'b script line 2 #1'],
  },
  {
    title: 'defineMigration',
    text: `const { defineMigration } = require('migratory');\nmodule.exports = defineMigration({ up() {} });`,
    entries: ['m.js script line 2'],
  },
  {
    title: 'a migrations array among the exports',
    text: `const migrations = [{ name: 'a', up() {} }];\nmodule.exports = { migrations, helper() {} };`,
    entries: ['a script line 1'],
  },
  {
    title: 'exports.migrations',
    text: `exports.migrations = [{ name: 'a', up() {} }, { name: 'b', up() {} }];`,
    entries: ['a script line 1', 'b script line 1 #1'],
  },
  {
    title: 'a top-level migrations array that nobody exports',
    text: `const migrations = [\n  { name: 'a', up: async (db) => {} },\n];`,
    entries: ['a script line 2'],
  },
  {
    title: 'what a compiler makes of ES modules',
    text: `Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = { name: 'c', up() {} };`,
    entries: ['c script line 2'],
  },
  {
    title: 'a Promise of the migration',
    text: `module.exports = Promise.resolve({ name: 'p', up() {} });`,
    entries: ['p script line 1'],
  },
  {
    title: 'a shebang and a byte order mark',
    text: `\uFEFF#!/usr/bin/env node\nmodule.exports = { up() {} };`,
    entries: ['m.js script line 2'],
  },
];

const modules: Case[] = [
  {
    title: 'exported functions',
    text: `import { x } from './x.js';\n\nexport async function up(db) {}\n\nexport async function down(db) {}`,
    entries: ['m.js script line 3 down'],
  },
  {
    title: 'exported constants',
    text: `export const name = 'n';\nexport const description = 'why';\nexport const up = async (db) => {};\nexport const down = null;`,
    entries: ['n script line 3 "why"'],
  },
  {
    title: 'an export list with other names',
    text: `const apply = async () => {};\nfunction undo() {}\nexport { apply as up, undo as down };`,
    entries: ['m.js script line 1 down'],
  },
  {
    title: 'a default object',
    text: `export default {\n  up() {},\n};`,
    entries: ['m.js script line 1'],
  },
  {
    title: 'a default name',
    text: `const migration = {\n  name: 'later',\n  up() {},\n};\nexport default migration;`,
    entries: ['later script line 1'],
  },
  {
    title: 'a default array',
    text: `export default [\n  { name: 'a', up() {} },\n  { name: 'b', source: 'movies', update: [] },\n];`,
    entries: ['a script line 2', 'b transform line 3 #1'],
  },
  {
    title: 'defineMigration of an array',
    text: `import { defineMigration } from 'migratory';\nexport default defineMigration([{ name: 'a', up() {} }]);`,
    entries: ['a script line 2'],
  },
  {
    title: 'an exported migrations array',
    text: `export const migrations = [{ name: 'a', up() {} }];`,
    entries: ['a script line 1'],
  },
  {
    title: 'named functions beside a default that is no migration',
    text: `export async function up() {}\nexport default class Helper {}`,
    entries: ['m.js script line 1'],
  },
  {
    title: 'await at the top',
    text: `const rates = await fetch('https://example.org');\nexport default await Promise.resolve({ up() {} });`,
    entries: ['m.js script line 2'],
  },
];

const typescript: Case[] = [
  {
    title: 'satisfies',
    file: 'm.ts',
    text: `import type { TransformMigration } from 'migratory';\nexport default {\n  source: 'movies',\n  transform: (doc) => ({ $set: { a: 1 } }),\n} satisfies TransformMigration;`,
    entries: ['m.ts transform line 2'],
  },
  {
    title: 'as const and type annotations',
    file: 'm.mts',
    text: `const list: Migration[] = [{ name: 'a' as const, up: async (db: Db): Promise<void> => {} }] as const;\nexport default list;`,
    entries: ['a script line 1'],
  },
  {
    title: 'export =',
    file: 'm.cts',
    text: `export = { up: async (db: Db) => {} };`,
    entries: ['m.cts script line 1'],
  },
  {
    title: 'defineMigration with a type argument',
    file: 'm.ts',
    text: `export default defineMigration<TransformMigration<Movie>>({ source: 'movies', update: [{ $set: {} }] });`,
    entries: ['m.ts transform line 1'],
  },
  {
    title: 'interfaces, enums and type exports around it',
    file: 'm.ts',
    text: `interface A { b: string }\nenum E { X }\nexport type T = A;\nexport type { Y } from './y';\nexport const up = async () => { const x = <T>y; };`,
    entries: ['m.ts script line 5'],
  },
];

const fields: Case[] = [
  {
    title: 'kinds',
    text: `module.exports = [
      { name: 's', up() {} },
      { name: 't', source: 'a', transform() {} },
      { name: 'p', source: 'a', pipeline: [], into: 'b' },
    ];`,
    entries: ['s script line 2', 't transform line 3 #1', 'p pipeline line 4 #2'],
  },
  {
    title: 'revert, revertPipeline and irreversible',
    text: `module.exports = [
      { name: 'a', source: 'x', transform() {}, revert: (doc) => doc },
      { name: 'b', source: 'x', update: [], revertPipeline: [] },
      { name: 'c', up() {}, irreversible: true },
      { name: 'd', up() {}, irreversible: 'the old values are gone', down: undefined },
      { name: 'e', up() {}, irreversible: false },
    ];`,
    entries: [
      'a transform line 2 down',
      'b transform line 3 #1 down',
      'c script line 4 #2 irreversible=true',
      'd script line 5 #3 irreversible=the old values are gone',
      'e script line 6 #4',
    ],
  },
  {
    title: 'names and descriptions out of templates and constants',
    text: "const prefix = 'x';\nmodule.exports = [{ name: `tpl`, description: `why\\n`, up() {} }, { name: prefix, up() {} }];",
    entries: ['tpl script line 2 "why\n"', 'x script line 2 #1'],
  },
  {
    title: 'requires',
    text: `module.exports = { up() {}, requires: ['a.js', 'b.js'] };`,
    entries: ['m.js script line 1 requires=a.js+b.js'],
  },
  {
    title: 'a spread of an object in the same file',
    text: `const base = { source: 'movies', onError: 'quarantine' };\nmodule.exports = { ...base, name: 'a', update: [] };`,
    entries: ['a transform line 2'],
  },
  {
    title: 'a spread of an array in the same file',
    text: `const first = [{ name: 'a', up() {} }];\nmodule.exports = [...first, { name: 'b', up() {} }];`,
    entries: ['a script line 1', 'b script line 2 #1'],
  },
];

const incomplete: Case[] = [
  {
    title: 'no name beside others',
    text: `module.exports = [{ up() {} }, { name: 'b', up() {} }];`,
    entries: ['? script line 1', 'b script line 1 #1'],
  },
  {
    title: 'a computed name',
    text: `module.exports = { name: 'a' + 1, up() {} };`,
    entries: ['? script line 1'],
  },
  {
    title: 'a template with fields',
    text: 'module.exports = { name: `a${1}`, up() {} };',
    entries: ['? script line 1'],
  },
  {
    title: 'an unknown spread',
    text: `module.exports = { ...require('./base'), up() {} };`,
    entries: ['? script line 1'],
  },
  {
    title: 'a computed key',
    text: `module.exports = { ['n' + 'ame']: 'a', up() {} };`,
    entries: ['? script line 1'],
  },
  { title: 'a function call', text: `module.exports = make('a');`, entries: [] },
  { title: 'another file', text: `module.exports = require('./other');`, entries: [] },
  { title: 're-exports', text: `export * from './other.js';`, entries: [] },
  { title: 'a re-exported name', text: `export { up, down } from './other.js';`, entries: [] },
  {
    title: 'an imported element',
    text: `import a from './a.js';\nexport default [a, { name: 'b', up() {} }];`,
    entries: ['b script line 2 #1'],
  },
  {
    title: 'an array that is filled later',
    text: `const list = [];\nlist.push({ name: 'a', up() {} });\nmodule.exports = list;`,
    entries: [],
  },
  {
    title: 'a spread of an unknown array',
    text: `module.exports = [{ name: 'a', up() {} }, ...others, { name: 'b', up() {} }];`,
    entries: ['a script line 1'],
  },
  {
    title: 'exports under a condition',
    text: `if (process.env.X) module.exports = { up() {} };`,
    entries: [],
  },
  { title: 'names in a circle', text: `var a = b;\nvar b = a;\nmodule.exports = a;`, entries: [] },
  {
    title: 'computed requires',
    text: `module.exports = { up() {}, requires: names() };`,
    entries: ['m.js script line 1'],
  },
].map((item) => ({ ...item, complete: false }));

const nothing: Case[] = [
  { title: 'an empty text', text: '', entries: [] },
  { title: 'no exports', text: `console.log('hello');`, entries: [] },
  { title: 'other exports', text: `module.exports = { helper() {} };`, entries: [] },
  { title: 'a function', text: `module.exports = function up() {};`, entries: [] },
  { title: 'a down alone', text: `exports.down = () => {};`, entries: [] },
];

describe('outlineSource, JavaScript and TypeScript', () => {
  const groups = { commonJs, modules, typescript, fields, incomplete, nothing };
  for (const [group, cases] of Object.entries(groups)) {
    describe(group, () => {
      for (const { title, file = 'm.js', text, entries, complete = true } of cases) {
        it(title, () => {
          const outline = outlineSource(text, `/work space/migrations/${file}`);
          assert.deepEqual(brief(outline, text), entries);
          assert.equal(outline.complete, complete);
          assert.equal(outline.error, undefined);
        });
      }
    });
  }

  it('gives the offsets of the object', () => {
    const text = `const x = 'ä😀';\nmodule.exports = [{ name: 'a', up() {} }];`;
    const [entry] = outlineSource(text, 'm.js').entries;
    assert.equal(text.slice(entry?.start, entry?.end), `{ name: 'a', up() {} }`);
  });

  it('says why and where a text does not parse', () => {
    const { entries, error } = outlineSource(
      `module.exports = {\n  up(db) {\n    const = 1;\n  },\n};`,
      'm.js',
    );
    assert.deepEqual(entries, []);
    assert.deepEqual(error, { message: 'Unexpected token', line: 3, column: 11 });
  });

  it('goes on over mistakes that leave the structure readable', () => {
    const text = `const a = 1;\nconst a = 2;\nmodule.exports = { up() {} };`;
    assert.deepEqual(brief(outlineSource(text, 'm.js'), text), ['m.js script line 3']);
  });

  it('does not parse very long texts and does not hang on minified ones', function () {
    this.timeout(20_000);
    const rows = Array.from({ length: 40_000 }, (_, at) => `{a:${at},b:"text ${at}"}`).join(',');
    const minified = `module.exports={up(){return [${rows}]}}`;
    assert.ok(minified.length > 900_000);
    assert.deepEqual(brief(outlineSource(minified, 'm.js'), minified), ['m.js script line 1']);
    const started = Date.now();
    const long = `module.exports = { up() {} }; // ${'x'.repeat(10_000_000)}`;
    assert.deepEqual(outlineSource(long, 'm.js'), { entries: [], complete: false });
    assert.ok(Date.now() - started < 500);
  });

  it('never throws, whatever the text', function () {
    this.timeout(60_000);
    const texts = [
      '['.repeat(100_000),
      'x='.repeat(50_000),
      '\u0000\uD800',
      'module.exports =',
      'export default',
      'export {',
      'module.exports = {...}',
      '`${',
      '/*',
      'module.exports = [,,]',
      'module["exports"] = null',
    ];
    for (const text of texts) {
      for (const file of ['m.js', 'm.ts', 'm.mjs', 'm.py', 'm']) outlineSource(text, file);
    }
    const seed = commonJs.concat(modules, typescript, fields);
    for (const { text, file = 'm.js' } of seed) {
      for (let at = 0; at < text.length; at += 7) {
        const outline = outlineSource(text.slice(0, at) + text.slice(at + 2), file);
        for (const { start, end } of outline.entries)
          assert.ok(start >= 0 && end > start && end <= text.length);
      }
    }
  });
});
