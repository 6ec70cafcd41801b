import assert from 'node:assert/strict';
import { UserError } from '../../../src/protocol/errors';
import type { ConfigView } from '../../../src/protocol/runner';
import type { ConnectionDraft } from '../../../src/vscode/connectionRecords';
import { ConnectionStore } from '../../../src/vscode/connections';
import { Emitter } from '../../../src/vscode/event';
import { databaseProblem, hostOf, remoteHint } from '../../../src/vscode/target';
import { english } from '../../../src/vscode/words';

const draft: ConnectionDraft = {
  name: 'mine',
  uri: ' mongodb://ann:s3cret@db.example:27018/shop?replicaSet=rs0 ',
  database: 'shop',
  production: false,
  readOnly: false,
};

function setUp(config?: Partial<ConfigView>, failing: boolean | 'writing' = false) {
  const memory = new Map<string, unknown>();
  const secrets = new Map<string, string>();
  const changed = new Emitter<void>();
  const project = {
    location: { root: '/work' },
    config: config && {
      file: '/work/migratory.config.json',
      flavor: 'migratory' as const,
      migrationsDir: '/work/migrations',
      ledger: '_migrations',
      connections: [],
      defaultConnection: null,
      ...config,
    },
    onDidChange: changed.event,
  };
  const store = new ConnectionStore(
    project,
    {
      get: (key) => memory.get(key),
      update: async (key, value) => void memory.set(key, JSON.parse(JSON.stringify(value))),
    },
    {
      get: async (key) => {
        if (failing === true) throw new Error('keychain is locked');
        return secrets.get(key);
      },
      store: async (key, value) => {
        if (failing === 'writing') throw new Error('there is no keychain');
        secrets.set(key, value);
      },
      delete: async (key) => void secrets.delete(key),
    },
    english,
  );
  return { store, memory, secrets };
}

const configured = [
  { name: 'local', uri: 'mongodb://localhost/shop', database: '' },
  { name: 'prod', uri: 'mongodb://u:p@prod/shop', database: 'shop', production: true },
];

describe('the connection store', () => {
  it('keeps connection strings in the secret storage only', async () => {
    const { store, memory, secrets } = setUp();
    const added = await store.add(draft);
    assert.equal(added.words, 'shop on db.example:27018');
    assert.ok(!JSON.stringify([...memory]).includes('s3cret'));
    assert.equal(secrets.size, 1);
    assert.equal((await store.target(added.id)).uri, draft.uri.trim());
    await store.remove(added.id);
    assert.equal(secrets.size, 0);
    assert.deepEqual(store.list(), []);
  });

  it('remembers for this window what the secret storage does not take, and says so', async () => {
    const { store, memory, secrets } = setUp(undefined, 'writing');
    const { id } = await store.add(draft);
    assert.equal(secrets.size, 0);
    assert.equal(store.isUnsaved(id), true);
    assert.equal((await store.target(id)).uri, draft.uri.trim());
    assert.ok(!JSON.stringify([...memory]).includes('s3cret'));
    await store.remove(id);
    assert.equal(store.isUnsaved(id), false);
  });

  it('goes to another database of the same server, of the config in this workspace only', async () => {
    const { store, memory } = setUp({ connections: configured, defaultConnection: 'prod' });
    await store.switchDatabase('config:prod', 'crm');
    assert.equal(store.selected?.words, 'crm on prod:27017');
    assert.equal((await store.target('config:prod')).database, 'crm');
    assert.equal(store.get('config:local')?.database, 'shop');
    await store.switchDatabase('config:prod', 'shop');
    assert.deepEqual(memory.get('migratory.databaseOfConnection'), {});
    const { id } = await store.add(draft);
    await store.switchDatabase(id, 'crm');
    assert.equal(store.get(id)?.words, 'crm on db.example:27018');
    assert.equal((await store.target(id)).database, 'crm');
    assert.equal((await store.target(id)).uri, draft.uri.trim());
  });

  it('shows the connections of the config and selects its default', async () => {
    const { store } = setUp({ connections: configured, defaultConnection: 'prod' });
    assert.deepEqual(
      store.list().map(({ name, words, production }) => [name, words, production]),
      [
        ['local', 'shop on localhost:27017', false],
        ['prod', 'shop on prod:27017', true],
      ],
    );
    assert.equal(store.selected?.name, 'prod');
    assert.equal((await store.target('config:local')).database, 'shop');
  });

  it('selects nothing by itself among several without a default', async () => {
    const { store } = setUp({ connections: configured });
    const selected = (): string | undefined => store.selected?.name;
    assert.equal(selected(), undefined);
    await store.select('config:local');
    assert.equal(selected(), 'local');
  });

  it('lets a file go its own way and come back', async () => {
    const { store } = setUp({ connections: configured, defaultConnection: 'local' });
    await store.selectForFile('/work/migrations/1.js', 'config:prod');
    assert.equal(store.ofFile('/work/migrations/1.js')?.name, 'prod');
    assert.equal(store.ofFile('/work/migrations/2.js')?.name, 'local');
    await store.selectForFile('/work/migrations/1.js', undefined);
    assert.equal(store.ofFile('/work/migrations/1.js')?.name, 'local');
  });

  it('keeps records of a newer version as they are', async () => {
    const { store, memory } = setUp();
    const newer = { version: 2, id: 'own:x', shape: 'unknown' };
    memory.set('migratory.connections', [newer]);
    assert.deepEqual(store.list(), []);
    const added = await store.add(draft);
    await store.update(added.id, { ...draft, name: 'renamed' });
    await store.remove(added.id);
    assert.deepEqual(memory.get('migratory.connections'), [newer]);
  });

  it('says what to do when a secret is gone or cannot be read, and deletes nothing', async () => {
    const { store, secrets } = setUp();
    const { id } = await store.add(draft);
    secrets.clear();
    await assert.rejects(store.target(id), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.action?.command, 'migratory.editConnection');
      return true;
    });
    assert.equal(store.list().length, 1);
    const locked = setUp(undefined, true);
    const other = await locked.store.add(draft);
    await assert.rejects(locked.store.target(other.id), /Nothing was deleted/);
    assert.equal(locked.secrets.size, 1);
  });
});

describe('targets in words', () => {
  it('never show credentials', () => {
    const cases: [string, string][] = [
      ['mongodb://localhost/shop', 'localhost:27017'],
      ['mongodb://ann:p%40ss@a:1,b/shop?x=y', 'a:1, b:27017'],
      ['mongodb+srv://ann:pw@cluster0.example.net/shop', 'cluster0.example.net'],
      ['mongodb://%2Ftmp%2Fmongodb-27017.sock/shop', '/tmp/mongodb-27017.sock'],
    ];
    for (const [uri, host] of cases) assert.equal(hostOf(uri), host);
  });

  it('say where localhost is only where that is another machine than the person’s', () => {
    assert.equal(remoteHint('mongodb://localhost/x', undefined, english), undefined);
    assert.match(
      remoteHint('mongodb://localhost/x', 'codespaces', english) ?? '',
      /\(codespaces\), not your own/,
    );
    assert.match(remoteHint('mongodb://a,127.0.0.1:1/x', 'wsl', english) ?? '', /\(wsl\)/);
    assert.equal(remoteHint('mongodb://db.example/x', 'codespaces', english), undefined);
  });

  it('refuse what cannot be a database', () => {
    assert.equal(databaseProblem('shop', english), undefined);
    for (const wrong of ['', 'a b', 'a.b', 'a/b', 'x'.repeat(64)]) {
      assert.notEqual(databaseProblem(wrong, english), undefined, wrong);
    }
  });
});
