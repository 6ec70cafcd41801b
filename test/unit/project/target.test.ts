import assert from 'node:assert/strict';
import { databaseInUri, describeTarget, redactUri, validateUri } from '../../../src/project/target';

describe('describeTarget', () => {
  const cases: [uri: string, database: string, words: string][] = [
    ['mongodb://localhost:27017', 'shop', 'shop on localhost:27017'],
    ['mongodb://localhost', 'shop', 'shop on localhost:27017'],
    ['mongodb://localhost/other', 'shop', 'shop on localhost:27017'],
    ['mongodb://localhost/shop?replicaSet=rs0', '', 'shop on localhost:27017'],
    ['mongodb://me:secret@h:1/', 'shop', 'shop on h:1'],
    ['mongodb://me:se%40cret@h:1/', 'shop', 'shop on h:1'],
    ['mongodb://a:1,b:2/', 'shop', 'shop on a:1, b:2'],
    ['mongodb://a:1,b:2,c:3/', 'shop', 'shop on a:1, b:2 (3 hosts)'],
    ['mongodb+srv://me:secret@cluster0.example.net/shop', '', 'shop on cluster0.example.net'],
    ['mongodb://[::1]:27018/', 'shop', 'shop on [::1]:27018'],
    ['mongodb://[::1]/', 'shop', 'shop on [::1]:27017'],
    ['mongodb://%2Ftmp%2Fmongodb-27017.sock/', 'shop', 'shop on /tmp/mongodb-27017.sock'],
    ['mongodb://h/my%20shop', '', 'my shop on h:27017'],
    ['mongodb://h', '', '(no database) on h:27017'],
    ['${env:MIGRATORY_URI}', 'shop', 'shop on $MIGRATORY_URI'],
    ['not a uri', 'shop', 'shop on (unreadable address)'],
    ['mongodb://me:sec/ret@h', 'shop', 'shop on (unreadable address)'],
    ['mongodb://me:12?3@h', 'shop', 'shop on (unreadable address)'],
    ['mongodb://me:12#3@h', 'shop', 'shop on (unreadable address)'],
  ];
  for (const [uri, database, words] of cases) {
    it(words, () => assert.equal(describeTarget({ uri, database }), words));
  }
});

describe('databaseInUri', () => {
  it('is the path, decoded', () => {
    assert.equal(databaseInUri('mongodb://h/a%2Db?x=1'), 'a-b');
    assert.equal(databaseInUri('mongodb://h/?x=1'), '');
    assert.equal(databaseInUri('mongodb://h'), '');
    assert.equal(databaseInUri('nonsense'), '');
  });
});

describe('redactUri', () => {
  it('leaves no user, password or secret option', () => {
    assert.equal(redactUri(' mongodb://me:secret@h:1/shop?tls=true '), 'mongodb://h:1/shop?tls=true');
    assert.equal(redactUri('mongodb+srv://me@h/'), 'mongodb+srv://h/');
    assert.equal(redactUri('mongodb://me:p/w@h/'), 'mongodb://h/');
    assert.equal(redactUri('mongodb://h/'), 'mongodb://h/');
    assert.ok(!redactUri('mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:x').includes(':x'));
  });
});

describe('validateUri', () => {
  const encoded =
    'In the user name and the password, characters like @ : / ? # % are written percent-encoded (@ is %40).';
  const cases: [uri: string, problem: string | undefined][] = [
    ['mongodb://localhost', undefined],
    ['mongodb://me:p%40w@a:1,b:2/shop?replicaSet=rs0', undefined],
    ['mongodb+srv://me:pw@cluster0.example.net/', undefined],
    ['mongodb://[::1]:27017/', undefined],
    ['mongodb://h/?authMechanismProperties=SERVICE_HOST:a@b', undefined],
    ['${env:X}', 'A connection string starts with mongodb:// or mongodb+srv://.'],
    ['mongodb://${env:HOST}/shop', undefined],
    ['', 'The connection string is empty; it looks like mongodb://localhost:27017/shop.'],
    ['localhost:27017', 'A connection string starts with mongodb:// or mongodb+srv://.'],
    ['https://example.net', 'A connection string starts with mongodb:// or mongodb+srv://.'],
    ['mongodb://my host/', 'The connection string has a space in it.'],
    ['mongodb:///shop', 'The connection string names no host.'],
    ['mongodb://me:p@w@h/', encoded],
    ['mongodb://me:p/w@h/', encoded],
    ['mongodb://me:p:w@h/', encoded],
    ['mongodb://me:p%w@h/', encoded],
    ['mongodb://h:port/', 'The port "port" is not a number from 1 to 65535.'],
    ['mongodb://h:99999/', 'The port "99999" is not a number from 1 to 65535.'],
    ['mongodb://a,,b/', 'There is a comma too many between the hosts.'],
    ['mongodb://::1:27017/', '"::1:27017" is no host; an IPv6 address stands in brackets, like [::1]:27017.'],
    ['mongodb+srv://h:27017/', 'With mongodb+srv:// there is one host name and no port; DNS knows the rest.'],
    ['mongodb+srv://a,b/', 'With mongodb+srv:// there is one host name and no port; DNS knows the rest.'],
  ];
  for (const [uri, problem] of cases) {
    it(`${uri || 'nothing'}: ${problem ?? 'fine'}`, () => assert.equal(validateUri(uri), problem));
  }
});
