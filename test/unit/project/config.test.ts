import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../../src/project/config';
import { requireVariables } from '../../../src/project/environment';
import { readStaticConfig } from '../../../src/project/staticConfig';
import { UserError } from '../../../src/protocol/errors';

describe('config', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'migratory-config-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function write(files: Record<string, string | object>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
  }

  async function problem(reading: Promise<unknown>): Promise<UserError> {
    const error: unknown = await reading.then(
      () => assert.fail('it was accepted'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    assert.ok(error.action?.label);
    return error;
  }

  const local = { uri: 'mongodb://localhost:27017/shop' };

  describe('loadConfig', () => {
    it('has defaults for everything', async () => {
      assert.deepEqual(await loadConfig({ root }), {
        file: null,
        flavor: 'defaults',
        migrationsDir: join(root, 'migrations'),
        ledger: '_migrations',
        connections: [],
        defaultConnection: null,
        lint: {},
      });
    });

    it('reads every key', async () => {
      const { connections, ...rest } = {
        connections: {
          local,
          prod: { uri: 'mongodb+srv://c.example.net', database: 'shop', production: true, readOnly: false },
        },
        ledger: 'log',
        defaultConnection: 'prod',
        backup: 'none',
        batchSize: 500,
        maxErrors: 0,
        throttle: { docsPerSecond: 1000, maxLagSeconds: 2.5, maxLatencyMs: 100 },
        dryRun: { sample: 'all' },
        python: 'python3',
        lint: { L7: 'off', L15: 'error' },
      };
      await write({
        'migratory.config.json': {
          $schema: './x.json',
          migrationsDir: 'db/migrations',
          connections,
          ...rest,
        },
      });
      assert.deepEqual(await loadConfig({ root }), {
        ...rest,
        file: join(root, 'migratory.config.json'),
        flavor: 'migratory',
        migrationsDir: join(root, 'db', 'migrations'),
        connections: [
          { name: 'local', uri: local.uri, database: 'shop' },
          {
            name: 'prod',
            uri: 'mongodb+srv://c.example.net',
            database: 'shop',
            production: true,
            readOnly: false,
          },
        ],
      });
    });

    const forms: [file: string, text: string][] = [
      ['migratory.config.js', `module.exports = { ledger: 'x' };`],
      ['migratory.config.js', `export default { ledger: 'x' };`],
      ['migratory.config.cjs', `module.exports = Promise.resolve({ ledger: 'x' });`],
      [
        'migratory.config.mjs',
        `import { defineConfig } from 'migratory';\nexport default defineConfig({ ledger: await 'x' });`,
      ],
      [
        'migratory.config.ts',
        `import { defineConfig } from 'migratory';\nexport default defineConfig({ ledger: 'x' as string });`,
      ],
      ['migratory.config.mts', `export default Promise.resolve({ ledger: 'x' });`],
    ];
    for (const [file, text] of forms) {
      it(`runs ${file}: ${text.split('\n').at(-1)}`, async () => {
        await write({ [file]: text });
        const config = await loadConfig({ root });
        assert.equal(config.ledger, 'x');
        assert.equal(config.file, join(root, file));
      });
    }

    it('takes a config of any name and place', async () => {
      await write({ 'conf/other.json': { migrationsDir: 'm' } });
      const config = await loadConfig({ root, configFile: join(root, 'conf', 'other.json') });
      assert.equal(config.migrationsDir, join(root, 'm'));
    });

    it('selects the only connection', async () => {
      await write({ 'migratory.config.json': { connections: { local } } });
      assert.equal((await loadConfig({ root })).defaultConnection, 'local');
    });

    it('selects none of several', async () => {
      await write({ 'migratory.config.json': { connections: { local, other: local } } });
      assert.equal((await loadConfig({ root })).defaultConnection, null);
    });

    it('fills variables in, and holds a connection to them only when it is used', async () => {
      await write({
        'migratory.config.json': {
          migrationsDir: '${env:DIR}/m',
          connections: {
            a: { uri: 'mongodb://${env:USER_A}:${env:PASS}@h/x' },
            b: { uri: '${env:URI_B}', database: 'b' },
            c: { uri: 'mongodb://h', database: '${env:DB_C}' },
          },
        },
      });
      const config = await loadConfig({ root }, { DIR: 'd', USER_A: 'me', PASS: 'p%40' });
      assert.equal(config.migrationsDir, join(root, 'd', 'm'));
      const [a, b, c] = config.connections;
      assert.ok(a && b && c);
      assert.deepEqual(requireVariables(a), { name: 'a', uri: 'mongodb://me:p%40@h/x', database: 'x' });
      assert.throws(() => requireVariables(b), {
        name: 'UserError',
        message: 'The connection "b" needs the environment variable URI_B, which is not set.',
      });
      assert.throws(() => requireVariables(c), {
        message: 'The connection "c" needs the environment variable DB_C, which is not set.',
      });
    });

    it('prefers its own config to migrate-mongo’s', async () => {
      await write({ 'migratory.config.json': {}, 'migrate-mongo-config.js': 'throw 1' });
      assert.equal((await loadConfig({ root })).flavor, 'migratory');
    });
  });

  describe('refuses', () => {
    const json: [title: string, config: unknown, message: string][] = [
      [
        'an unknown key',
        { migrationDir: 'x' },
        'migratory.config.json has an unknown key "migrationDir"; did you mean "migrationsDir"?',
      ],
      [
        'another case',
        { LEDGER: 'x' },
        'migratory.config.json has an unknown key "LEDGER"; did you mean "ledger"?',
      ],
      [
        'an unknown key of a connection',
        { connections: { local: { url: 'x', uri: 'y' } } },
        'migratory.config.json has an unknown key "connections.local.url"; did you mean "uri"?',
      ],
      [
        'an unknown key of throttle',
        { throttle: { docsPerSec: 1 } },
        'migratory.config.json has an unknown key "throttle.docsPerSec"; did you mean "docsPerSecond"?',
      ],
      [
        'an unknown key of dryRun',
        { dryRun: { samples: 1 } },
        'migratory.config.json has an unknown key "dryRun.samples"; did you mean "sample"?',
      ],
      [
        'a connection without uri',
        { connections: { local: {} } },
        'migratory.config.json has no "connections.local.uri".',
      ],
      ['a wrong type', { ledger: 5 }, 'migratory.config.json: "ledger" is 5; it must be a string.'],
      [
        'an empty string',
        { migrationsDir: '' },
        'migratory.config.json: "migrationsDir" is an empty string; it must be a string that is not empty.',
      ],
      [
        'a connection string for connections',
        { connections: 'mongodb://u:p@h' },
        'migratory.config.json: "connections" is a string; it must be an object.',
      ],
      [
        'a connection string for a connection',
        { connections: { local: 'mongodb://u:p@h' } },
        'migratory.config.json: "connections.local" is a string; it must be an object.',
      ],
      [
        'a wrong flag',
        { connections: { local: { uri: 'x', production: 'yes' } } },
        'migratory.config.json: "connections.local.production" is the string "yes"; it must be true or false.',
      ],
      [
        'a wrong choice',
        { backup: 'all' },
        'migratory.config.json: "backup" is the string "all"; it must be "journal" or "none".',
      ],
      [
        'a number too small',
        { batchSize: 0 },
        'migratory.config.json: "batchSize" is 0; it must be at least 1.',
      ],
      [
        'a broken number',
        { batchSize: 1.5 },
        'migratory.config.json: "batchSize" is 1.5; it must be a whole number.',
      ],
      [
        'no throttle',
        { throttle: { maxLagSeconds: 0 } },
        'migratory.config.json: "throttle.maxLagSeconds" is 0; it must be more than 0.',
      ],
      [
        'a wrong sample',
        { dryRun: { sample: 'some' } },
        'migratory.config.json: "dryRun.sample" is the string "some"; it must be "all" or a whole number.',
      ],
      [
        'a wrong severity',
        { lint: { L3: true } },
        'migratory.config.json: "lint.L3" is true; it must be "off" or "warn" or "error".',
      ],
      [
        'a rule that does not exist',
        { lint: { l3: 'off' } },
        'migratory.config.json has an unknown key "lint.l3"; did you mean "L3"?',
      ],
      ['an array', [], 'migratory.config.json holds an empty array instead of an object.'],
      ['null', null, 'migratory.config.json holds null instead of an object.'],
      [
        'a default that is none of the connections',
        { connections: { local }, defaultConnection: 'prod' },
        '"defaultConnection" names "prod", but the connections are: "local".',
      ],
      [
        'a default without connections',
        { defaultConnection: 'prod' },
        '"defaultConnection" names "prod", but the connections are: none.',
      ],
      [
        'a missing variable outside of connections',
        { ledger: '${env:MIGRATORY_NOT_SET}' },
        'The config needs the environment variable MIGRATORY_NOT_SET, which is not set.',
      ],
    ];
    for (const [title, config, message] of json) {
      it(title, async () => {
        await write({ 'migratory.config.json': JSON.stringify(config) });
        const error = await problem(loadConfig({ root }));
        assert.equal(error.message, message);
        assert.equal(error.location?.file, join(root, 'migratory.config.json'));
      });
    }

    const texts: [title: string, file: string, text: string, message: string, at?: [number, number]][] = [
      [
        'no JSON',
        'migratory.config.json',
        '{\n  "ledger": "x",\n}',
        'migratory.config.json is no valid JSON (line 3, column 1).',
        [3, 1],
      ],
      [
        'JSON that ends too early',
        'migratory.config.json',
        '{\n  "ledger": ',
        'migratory.config.json is no valid JSON (line 2, column 13).',
        [2, 13],
      ],
      ['an empty JSON file', 'migratory.config.json', '\n', 'migratory.config.json is empty.'],
      ['an empty file', 'migratory.config.js', '', 'migratory.config.js is empty.'],
      ['no exports', 'migratory.config.js', 'const x = 1;', 'migratory.config.js exports nothing.'],
      [
        'no exports of a module',
        'migratory.config.mjs',
        'export {};',
        'migratory.config.mjs exports nothing.',
      ],
      [
        'a config that throws',
        'migratory.config.js',
        `\nthrow new Error('no secrets here');`,
        'migratory.config.js does not load: no secrets here (line 2).',
        [2, 7],
      ],
      [
        'a config that does not parse',
        'migratory.config.ts',
        `export default {\n  ledger: ,\n};`,
        'migratory.config.ts does not parse: Unexpected token (line 2, column 11).',
        [2, 11],
      ],
      [
        'a missing package',
        'migratory.config.cjs',
        `require('dotenv').config();`,
        'migratory.config.cjs needs the package "dotenv", which is not installed.',
        [1, 1],
      ],
      [
        'a function',
        'migratory.config.cjs',
        `module.exports = () => ({});`,
        'migratory.config.cjs holds a function instead of an object.',
      ],
      [
        'a rejected Promise',
        'migratory.config.cjs',
        `module.exports = Promise.reject(new Error('vault is sealed'));`,
        'migratory.config.cjs does not load: vault is sealed (line 1).',
      ],
      [
        'process.exit',
        'migratory.config.cjs',
        `process.exit(1);`,
        'While it loaded, migratory.config.cjs called process.exit(1).',
      ],
      [
        'an unknown key in code',
        'migratory.config.cjs',
        `exports.migrationsdir = 'x';`,
        'migratory.config.cjs has an unknown key "migrationsdir"; did you mean "migrationsDir"?',
      ],
    ];
    for (const [title, file, text, message, at] of texts) {
      it(title, async () => {
        await write({ [file]: text });
        const error = await problem(loadConfig({ root }));
        assert.equal(error.message, message);
        assert.equal(error.location?.file, join(root, file));
        if (at) assert.deepEqual([error.location.line, error.location.column], at);
      });
    }

    it('two configs', async () => {
      await write({ 'migratory.config.json': {}, 'migratory.config.ts': '' });
      const error = await problem(loadConfig({ root }));
      assert.equal(
        error.message,
        'There are two config files, migratory.config.ts and migratory.config.json.',
      );
      assert.equal(error.action?.label, 'Delete one of them');
    });

    it('a config that is not there', async () => {
      const error = await problem(loadConfig({ root, configFile: join(root, 'x.json') }));
      assert.equal(error.message, 'There is no config file x.json.');
      assert.equal(
        (await problem(loadConfig({ root, configFile: join(root, 'x.js') }))).message,
        'There is no file x.js.',
      );
    });
  });

  describe('migrate-mongo-config.js', () => {
    const full = `module.exports = {
      mongodb: { url: 'mongodb://localhost:27017', databaseName: 'shop', options: { maxPoolSize: 5, promoteLongs: false, serverApi: '1' } },
      migrationsDir: 'migrations', changelogCollectionName: 'changelog', lockCollectionName: 'changelog_lock',
      lockTtl: 60, migrationFileExtension: '.mjs', useFileHash: true, moduleSystem: 'esm', somethingElse: 1,
    };`;

    it('is read as migrate-mongo reads it', async () => {
      await write({ 'migrate-mongo-config.js': full });
      assert.deepEqual(await loadConfig({ root }), {
        file: join(root, 'migrate-mongo-config.js'),
        flavor: 'migrate-mongo',
        migrationsDir: join(root, 'migrations'),
        ledger: 'changelog',
        connections: [
          { name: 'migrate-mongo', uri: 'mongodb://localhost:27017/?maxPoolSize=5', database: 'shop' },
        ],
        defaultConnection: 'migrate-mongo',
        lint: {},
        places: { folders: [join(root, 'migrations')], recursive: false, extension: '.mjs' },
        migrateMongo: {
          fileExtension: '.mjs',
          useFileHash: true,
          lock: { collection: 'changelog_lock', ttlSeconds: 60 },
          moduleSystem: 'esm',
          client: { forClients: { promoteLongs: false }, encrypts: false, withoutEffect: ['serverApi'] },
        },
      });
    });

    const minimal = `mongodb: { url: 'mongodb://h/fromurl' }, changelogCollectionName: 'c'`;
    it('takes a Promise in a default export, and the defaults of migrate-mongo', async () => {
      await write({
        'migrate-mongo-config.js': `export default Promise.resolve({ ${minimal}, lockTtl: 0, lockCollectionName: 'l' });`,
      });
      const config = await loadConfig({ root });
      assert.equal(config.connections[0]?.database, 'fromurl');
      assert.equal(config.migrationsDir, join(root, 'migrations'));
      assert.equal(config.migrateMongo?.fileExtension, '.js');
      assert.equal(config.migrateMongo.lock, null);
      assert.equal(config.migrateMongo.useFileHash, false);
    });

    it('locks without a limit when lockTtl is absent', async () => {
      await write({ 'migrate-mongo-config.js': `module.exports = { ${minimal}, lockCollectionName: 'l' };` });
      assert.deepEqual((await loadConfig({ root })).migrateMongo?.lock, {
        collection: 'l',
        ttlSeconds: undefined,
      });
    });

    it('is known by its keys under any name, and takes settings of ours', async () => {
      await write({
        'conf.json': `{ "mongodb": { "url": "mongodb://h/x" }, "changelogCollectionName": "c", "migratory": { "backup": "none" } }`,
      });
      const config = await loadConfig({ root, configFile: join(root, 'conf.json') });
      assert.equal(config.flavor, 'migrate-mongo');
      assert.equal(config.backup, 'none');
    });

    const wrong: [config: string, message: string][] = [
      [`{ changelogCollectionName: 'c' }`, 'migrate-mongo-config.js has no "mongodb.url".'],
      [`{ mongodb: { url: 'mongodb://h/x' } }`, 'migrate-mongo-config.js has no "changelogCollectionName".'],
      [
        `{ ${minimal}, migrationFileExtension: 'js' }`,
        'migrate-mongo-config.js has a "migrationFileExtension" that does not start with a dot.',
      ],
      [
        `{ ${minimal}, migrationsDir: 3 }`,
        'migrate-mongo-config.js has a "migrationsDir" that is 3; it must be a string.',
      ],
      [
        `{ ${minimal}, migratory: { bakup: 'none' } }`,
        'migrate-mongo-config.js has an unknown key "migratory.bakup"; did you mean "backup"?',
      ],
      [`{}`, 'migrate-mongo-config.js exports nothing.'],
    ];
    for (const [config, message] of wrong) {
      it(`refuses: ${message}`, async () => {
        await write({ 'migrate-mongo-config.js': `module.exports = ${config};` });
        assert.equal((await problem(loadConfig({ root }))).message, message);
      });
    }
  });

  describe('readStaticConfig', () => {
    it('runs nothing and leaves the variables of connections alone', async () => {
      await write({
        'migratory.config.json': { ledger: 'x', connections: { a: { uri: '${env:HOME}', database: 'd' } } },
      });
      const config = await readStaticConfig(root);
      assert.equal(config.ledger, 'x');
      assert.equal(config.flavor, 'migratory');
      assert.deepEqual(config.connections, [{ name: 'a', uri: '${env:HOME}', database: 'd' }]);
    });

    it('gives the defaults for a config that is code', async () => {
      await write({ 'migratory.config.cjs': `throw new Error('it ran');` });
      const config = await readStaticConfig(root);
      assert.equal(config.flavor, 'defaults');
      assert.equal(config.file, join(root, 'migratory.config.cjs'));
      assert.equal(config.migrationsDir, join(root, 'migrations'));
    });

    it('refuses what the other refuses', async () => {
      await write({ 'migratory.config.json': '{' });
      assert.equal(
        (await problem(readStaticConfig(root))).message,
        'migratory.config.json is no valid JSON (line 1, column 2).',
      );
    });
  });
});
