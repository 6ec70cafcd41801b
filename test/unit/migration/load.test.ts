import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';
import { LoaderProcess } from './loading/loaderProcess';

interface GoodCase {
  title: string;
  file?: string;
  text: string;
  /** `name kind` in order. */
  loads: string[];
  /** What the migrations' `up` give back. */
  up?: unknown[];
  other?: Record<string, string>;
}

const good: GoodCase[] = [
  { title: 'CommonJS', text: `module.exports = { up() { return 1; } };`, loads: ['m.js script'], up: [1] },
  { title: 'exports.up', text: `exports.up = async () => 2;`, loads: ['m.js script'], up: [2] },
  {
    title: 'an array',
    text: `module.exports = [{ name: 'a', up() {} }, { name: 'b', source: 'x', update: [{}] }];`,
    loads: ['a script', 'b transform'],
  },
  {
    title: 'a Promise of an array',
    text: `module.exports = Promise.resolve([{ name: 'a', up() {} }]);`,
    loads: ['a script'],
  },
  {
    title: 'Promises in an array',
    text: `module.exports = [Promise.resolve({ name: 'a', up() {} })];`,
    loads: ['a script'],
  },
  {
    title: 'an array of one without a name',
    text: `module.exports = [{ up() {} }];`,
    loads: ['m.js script'],
  },
  {
    title: 'a migrations property',
    text: `exports.migrations = [{ name: 'a', up() {} }];`,
    loads: ['a script'],
  },
  {
    title: 'a top-level migrations array',
    text: `const seen = [];\nconst migrations = [{ name: 'a', up() { return seen.length; } }];`,
    loads: ['a script'],
    up: [0],
  },
  {
    title: 'compiled ES modules',
    text: `Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = { name: 'c', up() {} };`,
    loads: ['c script'],
  },
  {
    title: 'a class instance',
    text: `class M { async up() { return this.x; } x = 3; }\nmodule.exports = new M();`,
    loads: ['m.js script'],
    up: [3],
  },
  {
    title: 'this in methods',
    text: `module.exports = { helper: () => 4, up() { return this.helper(); } };`,
    loads: ['m.js script'],
    up: [4],
  },
  {
    title: 'ES module without a package',
    text: `export async function up() { return 5; }`,
    loads: ['m.js script'],
    up: [5],
  },
  {
    title: 'ES module .mjs',
    file: 'm.mjs',
    text: `export default { name: 'n', up: () => import.meta.url.startsWith('file:') };`,
    loads: ['n script'],
    up: [true],
  },
  {
    title: 'await at the top of .mjs',
    file: 'm.mjs',
    text: `const value = await Promise.resolve(6);\nexport const up = () => value;`,
    loads: ['m.mjs script'],
    up: [6],
  },
  {
    title: 'an exported Promise',
    file: 'm.mjs',
    text: `export default Promise.resolve({ up: () => 7 });`,
    loads: ['m.mjs script'],
    up: [7],
  },
  {
    title: 'named beside a default helper',
    file: 'm.mjs',
    text: `export const up = () => 8;\nexport default class Helper {}`,
    loads: ['m.mjs script'],
    up: [8],
  },
  {
    title: '.cjs in a module package',
    file: 'esm/m.cjs',
    other: { 'esm/package.json': '{"type":"module"}' },
    text: `module.exports = { up: () => 9 };`,
    loads: ['m.cjs script'],
    up: [9],
  },
  {
    title: '.js in a module package',
    file: 'esm/m.js',
    other: { 'esm/package.json': '{"type":"module"}' },
    text: `export const up = () => 10;`,
    loads: ['m.js script'],
    up: [10],
  },
  {
    title: 'ES module in a commonjs package',
    file: 'cjs/m.js',
    other: { 'cjs/package.json': '{"type":"commonjs"}' },
    text: `export const up = () => 11;`,
    loads: ['m.js script'],
    up: [11],
  },
  {
    title: 'TypeScript',
    file: 'm.ts',
    text: `interface A { b: number }\nenum E { X = 12 }\nexport default { up: async (): Promise<number> => { const a: A = { b: E.X }; return a.b; } };`,
    loads: ['m.ts script'],
    up: [12],
  },
  {
    title: 'TypeScript with await at the top',
    file: 'm.mts',
    text: `const v: number = await Promise.resolve(13);\nexport const up = () => v;`,
    loads: ['m.mts script'],
    up: [13],
  },
  {
    title: 'TypeScript export =',
    file: 'm.cts',
    text: `export = { up: (): number => 14 };`,
    loads: ['m.cts script'],
    up: [14],
  },
  {
    title: 'TypeScript with helpers',
    file: 'm.ts',
    other: { 'helper.ts': `export const value: number = 15;`, 'plain.js': `module.exports = { plus: 1 };` },
    text: `import { value } from './helper';\nimport { plus } from './plain.js';\nexport const up = () => value + plus;`,
    loads: ['m.ts script'],
    up: [16],
  },
  {
    title: 'TypeScript with paths of tsconfig.json',
    file: 'm.ts',
    other: {
      'tsconfig.json': `{ "compilerOptions": { "baseUrl": ".", "paths": { "@lib/*": ["lib/*"] } } }`,
      'lib/x.ts': 'export default 17;',
    },
    text: `import x from '@lib/x';\nexport const up = () => x;`,
    loads: ['m.ts script'],
    up: [17],
  },
  {
    title: 'migratory in CommonJS',
    text: `const { defineMigration } = require('migratory');\nmodule.exports = defineMigration({ up: () => 18 });`,
    loads: ['m.js script'],
    up: [18],
  },
  {
    title: 'migratory in ES modules',
    file: 'm.mjs',
    text: `import { defineMigration } from 'migratory';\nexport default defineMigration({ up: () => 19 });`,
    loads: ['m.mjs script'],
    up: [19],
  },
  {
    title: 'migratory in TypeScript',
    file: 'm.ts',
    text: `import { defineMigration, type ScriptMigration } from 'migratory';\nexport default defineMigration<ScriptMigration>({ up: () => 20 });`,
    loads: ['m.ts script'],
    up: [20],
  },
  {
    title: 'mongodb that is not installed, in CommonJS',
    text: `const { ObjectId } = require('mongodb');\nmodule.exports = { up: () => new ObjectId('0123456789abcdef01234567').toHexString() };`,
    loads: ['m.js script'],
    up: ['0123456789abcdef01234567'],
  },
  {
    title: 'mongodb that is not installed, in ES modules',
    file: 'm.mjs',
    text: `import { Long } from 'mongodb';\nexport const up = () => Long.fromNumber(21).toString();`,
    loads: ['m.mjs script'],
    up: ['21'],
  },
  {
    title: 'mongodb that is not installed, in TypeScript',
    file: 'm.ts',
    text: `import { Decimal128 } from 'mongodb';\nexport const up = () => Decimal128.fromString('22').toString();`,
    loads: ['m.ts script'],
    up: ['22'],
  },
  {
    title: 'its own mongodb',
    other: {
      'node_modules/mongodb/index.js': `exports.ObjectId = 'theirs';`,
      'node_modules/mongodb/package.json': `{"name":"mongodb","version":"6.0.0"}`,
    },
    file: 'm.ts',
    text: `import { ObjectId } from 'mongodb';\nexport const up = () => ObjectId;`,
    loads: ['m.ts script'],
    up: ['theirs'],
  },
  {
    title: 'a byte order mark',
    text: `\uFEFFmodule.exports = { up: () => 23 };`,
    loads: ['m.js script'],
    up: [23],
  },
  {
    title: 'transform and pipeline',
    text: `module.exports = [{ name: 't', source: 'a', filter: {}, transform() {}, requiredIndexes: [{ a: 1 }], onError: 'quarantine', maxErrors: 5, batchSize: 10, backup: 'none', revert: null }, { name: 'p', source: 'a', pipeline: [{ $match: {} }], into: 'b', on: ['_id'], whenMatched: 'merge', whenNotMatched: 'insert' }];`,
    loads: ['t transform', 'p pipeline'],
  },
];

interface BadCase {
  title: string;
  file?: string;
  text: string;
  message: string;
  label: string;
  at?: [line: number, column: number];
  /** Where the error is, when that is another file. */
  where?: string;
  other?: Record<string, string>;
}

const bad: BadCase[] = [
  {
    title: 'JavaScript that does not parse',
    text: `module.exports = {\n  up() { const = 1; },\n};`,
    message: 'm.js does not parse: Unexpected token (line 2, column 16).',
    label: 'Correct the code',
    at: [2, 16],
  },
  {
    title: 'an ES module that does not parse',
    file: 'm.mjs',
    text: `export const up = () => {\n`,
    message: 'm.mjs does not parse: Unexpected token (line 2, column 1).',
    label: 'Correct the code',
    at: [2, 1],
  },
  {
    title: 'TypeScript that does not parse',
    file: 'm.ts',
    text: `const a: number = 1;\nexport const up = (db: ) => 1;`,
    message: 'm.ts does not parse: Unexpected token (line 2, column 24).',
    label: 'Correct the code',
    at: [2, 24],
  },
  {
    title: 'a helper that does not parse',
    text: `require('./helper.js');\nexports.up = () => 1;`,
    other: { 'helper.js': 'const a = ;' },
    message: 'helper.js does not parse: Unexpected token (line 1, column 11).',
    label: 'Correct the code',
    at: [1, 11],
    where: 'helper.js',
  },
  {
    title: 'a TypeScript helper that does not parse',
    file: 'm.ts',
    text: `import './broken';\nexport const up = () => 1;`,
    other: { 'broken.ts': 'let x: = 1;' },
    message: 'broken.ts does not parse: Unexpected token (line 1, column 8).',
    label: 'Correct the code',
    at: [1, 8],
    where: 'broken.ts',
  },
  {
    title: 'a throw while loading',
    text: `'use strict';\n\nthrow new Error('no settings');`,
    message: 'm.js does not load: no settings (line 3).',
    label: 'Correct the code',
    at: [3, 7],
  },
  {
    title: 'a throw while loading an ES module',
    file: 'm.mjs',
    text: `\nexport const x = null.y;\nexport const up = () => 1;`,
    message: `m.mjs does not load: Cannot read properties of null (reading 'y') (line 2).`,
    label: 'Correct the code',
    at: [2, 23],
  },
  {
    title: 'a throw while loading TypeScript',
    file: 'm.ts',
    text: `type A = { b: string };\ninterface Long { a: A }\n\nconst a: A = (null as unknown as Long).a;\nexport const up = () => a;`,
    message: `m.ts does not load: Cannot read properties of null (reading 'a') (line 4).`,
    label: 'Correct the code',
    at: [4, 40],
  },
  {
    title: 'a throw in the first line of TypeScript',
    file: 'm.ts',
    text: `throw new RangeError('at once' as string);`,
    message: 'm.ts does not load: at once (line 1).',
    label: 'Correct the code',
    at: [1, 7],
  },
  {
    title: 'throwing a string',
    text: `throw 'nope';`,
    message: 'm.js does not load: A string was thrown instead of an Error: nope.',
    label: 'Correct the code',
  },
  {
    title: 'throwing undefined',
    text: `throw undefined;`,
    message: 'm.js does not load: undefined was thrown instead of an Error.',
    label: 'Correct the code',
  },
  {
    title: 'a rejected export',
    text: `module.exports = Promise.reject(new Error('not today'));`,
    message: 'm.js does not load: not today (line 1).',
    label: 'Correct the code',
    at: [1, 33],
  },
  {
    title: 'a package that is not installed',
    text: `require('left-pad');`,
    message: 'm.js needs the package "left-pad", which is not installed.',
    label: 'Install left-pad',
    at: [1, 1],
  },
  {
    title: 'a package that is not installed, ES module',
    file: 'm.mjs',
    text: `import x from '@scope/pkg/deep';\nexport const up = () => x;`,
    message: 'm.mjs needs the package "@scope/pkg", which is not installed.',
    label: 'Install @scope/pkg',
  },
  {
    title: 'a package that is not installed, TypeScript',
    file: 'm.ts',
    text: `import x from 'left-pad';\nexport const up = () => x;`,
    message: 'm.ts needs the package "left-pad", which is not installed.',
    label: 'Install left-pad',
  },
  {
    title: 'a file that does not exist',
    text: `require('./nowhere');`,
    message: 'm.js imports ./nowhere, which does not exist.',
    label: 'Correct the path',
    at: [1, 1],
  },
  {
    title: 'a file that does not exist, ES module',
    file: 'm.mjs',
    text: `import './nowhere.js';`,
    message: 'm.mjs imports nowhere.js, which does not exist.',
    label: 'Correct the path',
  },
  {
    title: 'nothing in it',
    text: ` \n`,
    message: 'm.js is empty.',
    label: 'Fill it or delete it',
  },
  {
    title: 'no exports',
    text: `console.log(1);`,
    message: 'm.js exports nothing that could be run.',
    label: 'Export an up function',
  },
  {
    title: 'no exports of an ES module',
    file: 'm.mjs',
    text: `export {};`,
    message: 'm.mjs exports nothing that could be run.',
    label: 'Export an up function',
  },
  {
    title: 'an empty array',
    text: `module.exports = [];`,
    message: 'm.js exports an empty list of migrations.',
    label: 'Add a migration to it',
  },
  {
    title: 'a function',
    text: `module.exports = async function up() {};`,
    message: 'm.js is a function, not an object.',
    label: 'Export { up, down }',
  },
  {
    title: 'a down alone',
    text: `exports.down = () => {};`,
    message: 'm.js has neither "up" nor "source", so there is nothing to run.',
    label: 'Add an up function',
  },
  {
    title: 'something else in an array',
    text: `module.exports = [{ name: 'a', up() {} }, 'b'];`,
    message: 'Migration 2 of m.js is the string "b", not an object.',
    label: 'Export { up, down }',
  },
  {
    title: 'no name in an array',
    text: `module.exports = [{ name: 'a', up() {} }, { up() {} }];`,
    message: 'Migration 2 of m.js has no name, and beside others it needs one.',
    label: 'Give it a name',
  },
  {
    title: 'up and source',
    text: `module.exports = { up() {}, source: 'a' };`,
    message: 'm.js has both "up" and "source"; it can be a script or a transform, not both.',
    label: 'Remove one',
  },
  {
    title: 'transform and update',
    text: `module.exports = { source: 'a', transform() {}, update: [{}] };`,
    message: 'm.js has both "transform" and "update"; only one can change the documents.',
    label: 'Remove one',
  },
  {
    title: 'a source alone',
    text: `module.exports = { source: 'a' };`,
    message: 'm.js has a "source" but neither "transform", "update" nor "pipeline".',
    label: 'Add a transform function',
  },
  {
    title: 'a transform without a source',
    text: `module.exports = { transform() {} };`,
    message: 'm.js says how documents change but not in which collection.',
    label: 'Add source: the collection',
  },
  {
    title: 'a pipeline without a target',
    text: `module.exports = { source: 'a', pipeline: [{}] };`,
    message: 'm.js has a "pipeline" but no "into", the collection it writes to.',
    label: 'Add into',
  },
  {
    title: 'up that is no function',
    text: `module.exports = { up: 'x' };`,
    message: 'm.js has a field "up" that is the string "x"; it must be a function.',
    label: 'Correct up',
  },
  {
    title: 'a name that is no string',
    text: `module.exports = { name: 7, up() {} };`,
    message: 'm.js has a field "name" that is 7; it must be a string that is not empty.',
    label: 'Correct name',
  },
  {
    title: 'an empty name',
    text: `module.exports = { name: '', up() {} };`,
    message: 'm.js has a field "name" that is an empty string; it must be a string that is not empty.',
    label: 'Correct name',
  },
  {
    title: 'down that is no function',
    text: `module.exports = { up() {}, down: {} };`,
    message: 'm.js has a field "down" that is an object; it must be a function.',
    label: 'Correct down',
  },
  {
    title: 'an update document',
    text: `module.exports = { source: 'a', update: { $set: {} } };`,
    message:
      'm.js has a field "update" that is an object; it must be an array of stages, such as [{ $set: { … } }].',
    label: 'Correct update',
  },
  {
    title: 'a policy that does not exist',
    text: `module.exports = { source: 'a', update: [{}], onError: 'skip' };`,
    message: 'm.js has a field "onError" that is the string "skip"; it must be "stop" or "quarantine".',
    label: 'Correct onError',
  },
  {
    title: 'a batch size of zero',
    text: `module.exports = { source: 'a', update: [{}], batchSize: 0 };`,
    message: 'm.js has a field "batchSize" that is 0; it must be a whole number of at least 1.',
    label: 'Correct batchSize',
  },
  {
    title: 'Python',
    file: 'm.py',
    text: `def up(db): pass`,
    message: 'm.py is Python, which only Python can load.',
    label: 'Run it with Python',
  },
  {
    title: 'process.exit while loading',
    text: `process.exit(3);`,
    message: 'While it loaded, m.js called process.exit(3).',
    label: 'Throw an Error instead, or return',
    at: [1, 9],
  },
  {
    title: 'process.exit that is caught',
    text: `try { process.exit(); } catch {}\nexports.up = () => 1;`,
    message: 'While it loaded, m.js called process.exit().',
    label: 'Throw an Error instead, or return',
  },
  {
    title: 'credentials in an error',
    text: `throw new Error('cannot reach mongodb://me:secret@db/x');`,
    message: 'm.js does not load: cannot reach mongodb://<credentials>@db/x (line 1).',
    label: 'Correct the code',
    at: [1, 7],
  },
];

describe('loadMigrations', function () {
  // Compiling on a busy machine takes its time.
  this.timeout(30_000);
  let loader: LoaderProcess;
  let count = 0;
  before(async function () {
    loader = await LoaderProcess.start();
  });
  after(() => loader.stop());

  /** Each case has a project of its own inside the project, so that no module of another one is cached. */
  async function place(file: string, text: string, other: Record<string, string> = {}): Promise<string> {
    const folder = `case${++count}`;
    const files = Object.entries({ ...other, [file]: text }).map(([path, body]) => [
      `${folder}/${path}`,
      body,
    ]);
    await loader.write(Object.fromEntries(files) as Record<string, string>);
    return folder;
  }

  describe('loads', () => {
    for (const { title, file = 'm.js', text, other, loads, up } of good) {
      it(title, async () => {
        const folder = await place(file, text, other);
        const { migrations, results, error, exitRestored } = await loader.load(file, {
          folder,
          call: up && 'up',
        });
        assert.equal(error, undefined);
        assert.deepEqual(
          migrations?.map(({ name, kind }) => `${name} ${kind}`),
          loads,
        );
        assert.deepEqual(
          migrations?.map(({ index }) => index),
          loads.map((_, index) => index),
        );
        if (up) assert.deepEqual(results, up);
        // Whoever reads the outline alone must come to the same migrations, or know that it cannot tell.
        const outline = outlineSource(text, file);
        const outlined = outline.entries.map(({ name, kind }) => `${name} ${kind}`);
        if (outline.complete && outlined.length > 0) assert.deepEqual(outlined, loads);
        assert.equal(exitRestored, true);
      });
    }
  });

  describe('refuses', () => {
    for (const { title, file = 'm.js', text, other, message, label, at, where } of bad) {
      it(title, async () => {
        const folder = await place(file, text, other);
        const { error, exitRestored } = await loader.load(file, { folder });
        assert.ok(error);
        assert.equal(error.message, message);
        assert.equal(error.user, true);
        assert.equal(error.action?.label, label);
        assert.ok(error.file?.endsWith(`/${folder}/${where ?? file}`), error.file);
        if (at) assert.deepEqual([error.line, error.column], at);
        assert.equal(exitRestored, true);
      });
    }

    it('a file that is missing', async () => {
      const { error } = await loader.load('gone.js', {});
      assert.equal(error?.message, 'There is no file gone.js.');
    });

    it('a folder', async () => {
      await loader.write({ 'folder.js/x.txt': '' });
      const { error } = await loader.load('folder.js', {});
      assert.equal(error?.message, 'folder.js is a folder, not a file.');
      assert.equal(error.action?.label, 'Rename or move the folder');
    });
  });

  it('keeps the real error as the cause, with its stack in the source', async () => {
    const folder = await place(
      'm.ts',
      `interface X { y: number }\n\nfunction fail(): never {\n  throw new TypeError('inner');\n}\nfail();`,
    );
    const { error } = await loader.load('m.ts', { folder });
    assert.equal(error?.cause?.name, 'TypeError');
    assert.equal(error.cause.line, 4);
    assert.match(error.cause.stack ?? '', /at fail \(.*m\.ts:4:9\)\n.*m\.ts:6:1/);
  });

  it('finds the place of an error thrown by up, compiled or not', async () => {
    for (const [file, text] of [
      [
        'm.ts',
        `type T = string;\nexport async function up(db: T): Promise<void> {\n  await null;\n  const x: any = undefined; x.y();\n}`,
      ],
      [
        'm.js',
        `\nmodule.exports.up = async function up() {\n  await null;\n  const x = undefined; x.y();\n}`,
      ],
      ['m.mjs', `\nexport async function up() {\n  await null;\n  const x = undefined; x.y();\n}`],
    ] as const) {
      const folder = await place(file, text);
      const { error } = await loader.load(file, { folder, call: 'up' });
      assert.equal(error?.name, 'TypeError');
      assert.equal(error.line, 4, file);
      assert.equal(error.column, text.split('\n')[3]!.indexOf('x.y') + 3, file);
    }
  });

  it('loads an edited file anew', async () => {
    for (const [file, text] of [
      ['m.js', 'exports.up = () => 1;'],
      ['m.mjs', 'export const up = () => 1;'],
      ['m.ts', 'export const up = (): number => 1;'],
    ] as const) {
      const folder = await place(file, text);
      assert.deepEqual((await loader.load(file, { folder, call: 'up' })).results, [1]);
      await loader.write({ [`${folder}/${file}`]: text.replace('1', '2') });
      assert.deepEqual((await loader.load(file, { folder, call: 'up' })).results, [2]);
    }
  });

  it('runs a file once, also when it fails', async () => {
    for (const file of ['m.js', 'm.mjs', 'm.ts', 'm.cjs']) {
      const folder = await place(
        file,
        `globalThis.runs = (globalThis.runs ?? 0) + 1;\nthrow new Error(\`run \${globalThis.runs}\`);`,
      );
      const { error } = await loader.load(file, { folder });
      assert.match(
        error?.message ?? '',
        new RegExp(`run ${['m.js', 'm.mjs', 'm.ts', 'm.cjs'].indexOf(file) + 1} `),
      );
    }
  });
});
