import assert from 'node:assert/strict';
import { hostText, parseAddress, parseHost } from '../../../src/engine/address';
import { bytes, duration } from '../../../src/engine/checks/check';
import { judgeDisk } from '../../../src/engine/checks/diskCheck';
import { isPrefix, servingIndex } from '../../../src/engine/checks/indexRules';
import { nearest } from '../../../src/engine/checks/nearest';
import { may } from '../../../src/engine/checks/privilegeCheck';
import type { Privilege } from '../../../src/engine/checks/privilegeCheck';

describe('index rules', () => {
  it('an index serves its prefixes and both directions', () => {
    assert.ok(isPrefix({ a: 1 }, { a: 1, b: 1 }));
    assert.ok(isPrefix({ a: -1 }, { a: 1, b: 1 }));
    assert.ok(isPrefix({ a: -1, b: 1 }, { a: 1, b: -1 }));
    assert.ok(!isPrefix({ a: 1, b: 1 }, { a: 1, b: -1 }));
    assert.ok(!isPrefix({ b: 1 }, { a: 1, b: 1 }));
    assert.ok(!isPrefix({ a: 1, b: 1 }, { a: 1 }));
    assert.ok(!isPrefix({}, { a: 1 }));
  });

  it('hashed, text and geographic keys count only as a whole', () => {
    assert.ok(isPrefix({ a: 'hashed' }, { a: 'hashed' }));
    assert.ok(!isPrefix({ a: 1 }, { a: 'hashed' }));
    assert.ok(!isPrefix({ at: '2dsphere' }, { at: '2dsphere', b: 1 }));
    const text = { name: 't', key: { _fts: 'text', _ftsx: 1 }, weights: { title: 1 } };
    assert.equal(servingIndex({ title: 'text' }, [text]).index?.name, 't');
    assert.equal(servingIndex({ other: 'text' }, [text]).index, null);
  });

  it('an index under another collation does not count', () => {
    const german = { name: 'g', key: { a: 1 }, collation: { locale: 'de' } };
    assert.deepEqual(servingIndex({ a: 1 }, [german]), {
      index: null,
      unusable: { name: 'g', why: 'of another collation' },
    });
    assert.equal(servingIndex({ a: 1 }, [german], 'de').index?.name, 'g');
  });

  it('a usable index is found behind one that does not count', () => {
    const hidden = { name: 'h', key: { a: 1 }, hidden: true };
    const plain = { name: 'p', key: { a: 1, b: 1 } };
    assert.equal(servingIndex({ a: 1 }, [hidden, plain]).index?.name, 'p');
  });
});

describe('privileges', () => {
  const on = (resource: Privilege['resource'], ...actions: string[]): Privilege[] => [{ resource, actions }];

  it('cover what their resource covers', () => {
    assert.ok(may(on({ db: 'shop', collection: '' }, 'find'), 'shop', 'a', 'find'));
    assert.ok(may(on({ db: '', collection: '' }, 'find'), 'shop', 'a', 'find'));
    assert.ok(may(on({ db: '', collection: 'a' }, 'find'), 'shop', 'a', 'find'));
    assert.ok(may(on({ anyResource: true }, 'anyAction'), 'shop', 'system.views', 'find'));
    assert.ok(!may(on({ db: 'shop', collection: 'b' }, 'find'), 'shop', 'a', 'find'));
    assert.ok(!may(on({ db: 'shop', collection: '' }, 'find'), 'shop', 'a', 'insert'));
    assert.ok(!may(on({ db: 'other', collection: '' }, 'find'), 'shop', 'a', 'find'));
    assert.ok(!may(on({ db: 'shop', collection: '' }, 'find'), 'shop', 'system.views', 'find'));
    assert.ok(!may(on({ cluster: true }, 'find'), 'shop', 'a', 'find'));
  });
});

describe('disk', () => {
  it('fails without room, warns of little, passes with enough', () => {
    assert.equal(judgeDisk({ total: 1e12, used: 9.9e11 }, 2e10).outcome, 'failed');
    assert.match(
      judgeDisk({ total: 1e12, used: 9.9e11 }, 2e10).details,
      /10 GB of 1 TB are free, the migration needs about 20 GB/,
    );
    assert.equal(judgeDisk({ total: 1e11, used: 1e10 }, 1e9).outcome, 'passed');
  });
});

describe('words', () => {
  it('for bytes and durations', () => {
    assert.equal(bytes(999), '999 bytes');
    assert.equal(bytes(1_500_000_000), '1.5 GB');
    assert.equal(bytes(123_456_789), '123 MB');
    assert.equal(duration(0.2), 'less than a second');
    assert.equal(duration(42), '42 s');
    assert.equal(duration(3600), '60 min');
    assert.equal(duration(9000), '2.5 h');
  });

  it('finds the name that was probably meant', () => {
    assert.equal(nearest('moveis', ['users', 'movies']), 'movies');
    assert.equal(nearest('Movies', ['movies']), 'movies');
    assert.equal(nearest('orders', ['users', 'movies']), null);
  });
});

describe('addresses', () => {
  it('reads hosts, ports, IPv6 and sockets', () => {
    assert.deepEqual(parseHost('db'), { host: 'db', port: 27017 });
    assert.deepEqual(parseHost('db:1'), { host: 'db', port: 1 });
    assert.deepEqual(parseHost('[::1]:2'), { host: '::1', port: 2 });
    assert.deepEqual(parseHost('%2Ftmp%2Fm.sock'), { host: '/tmp/m.sock', port: 0 });
    assert.equal(hostText({ host: '::1', port: 2 }), '[::1]:2');
  });

  it('knows TLS, the database and where the user is looked up', () => {
    const at = parseAddress({ uri: 'mongodb+srv://u:p@cluster.example.net/shop', database: '' });
    assert.equal(at.tls, true);
    assert.equal(at.srvName, 'cluster.example.net');
    assert.equal(at.database, 'shop');
    assert.equal(at.authSource, 'shop');
    assert.equal(parseAddress({ uri: 'mongodb://u:p@h', database: 'x' }).authSource, 'admin');
    assert.equal(parseAddress({ uri: 'mongodb://h/?ssl=true', database: 'x' }).tls, true);
  });
});
