// Which addresses are one server: only where that is sure.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { lookup } from 'node:dns/promises';
import { parseHost } from '../../../src/engine/address';
import { SameCluster } from '../../../src/engine/sameCluster';

const cluster = (...hosts: string[]): SameCluster => new SameCluster(hosts.map(parseHost));

describe('the cluster of a run', () => {
  const cases: [known: string, asked: string, same: boolean][] = [
    ['db.example.net:27017', 'db.example.net:27017', true],
    ['db.example.net', 'DB.Example.NET.:27017', true],
    ['db.example.net:27017', 'db.example.net:27018', false],
    ['db.example.net:27017', 'db:27017', false],
    ['localhost:27017', '127.0.0.1:27017', true],
    ['127.0.0.1:27017', 'localhost', true],
    ['[::1]:27017', 'localhost:27017', true],
    ['localhost:27017', '[::1]:27017', true],
    ['127.0.0.1:27017', '127.0.0.2:27017', false],
    ['localhost:27017', '127.0.0.1:27018', false],
    ['10.0.0.5:27017', '127.0.0.1:27017', false],
    ['[fe80::1]:27017', '[fe80::1]:27017', true],
    ['localhost:27017', '%2Ftmp%2Fmongodb-27017.sock', true],
    ['%2Frun%2Fmongodb-27017.sock', '127.0.0.1:27017', true],
    ['localhost:27018', '%2Ftmp%2Fmongodb-27017.sock', false],
    ['%2Frun%2Fmine.sock', '%2Frun%2Fmine.sock', true],
    ['%2Frun%2Fmine.sock', '%2Ftmp%2Fmine.sock', false],
  ];
  for (const [known, asked, same] of cases) {
    it(`${same ? 'holds' : 'does not hold'} ${asked}, known as ${known}`, () => {
      assert.equal(cluster(known).has(parseHost(asked)), same);
    });
  }

  it('holds each of its members', () => {
    const three = cluster('a:1', 'b:2', 'c:3');
    assert.deepEqual(
      ['a:1', 'b:2', 'c:3', 'd:4', 'a:2'].map((host) => three.has(parseHost(host))),
      [true, true, true, false, false],
    );
  });

  it('holds the number of a host that it knows by its name', async () => {
    const name = hostname();
    const known = cluster(`${name}:27017`);
    await known.resolve({ host: name, port: 27017 });
    const { address } = await lookup(name);
    assert.ok(known.has({ host: address, port: 27017 }));
    assert.ok(!known.has({ host: address, port: 27018 }));
  });
});
