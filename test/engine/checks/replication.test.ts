// Faults of a replica set: a member that is down, one that falls behind, an oplog that is too short, no majority.
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import {
  judgeLag,
  judgeMembers,
  judgeOplog,
  lagCheck,
  oplogCheck,
} from '../../../src/engine/checks/replicationChecks';
import { runChecks } from '../../../src/engine/checks/runChecks';
import type { Migration } from '../../../src/migration/kinds';
import { startReplicaSet } from '../../../tools/servers/mongod';
import { threeNodes } from '../../support/server';
import { assertFailed, assertPassed, check, contextOf, only, open, place, until } from './support';

const noop: Migration = { source: 'a', transform: () => null };

describe('replica set checks', () => {
  it('see a member that is down, and the set whole again', async function () {
    this.timeout(120_000);
    const set = await threeNodes();
    const { db, connection } = await place(set);
    await db.collection('a').insertOne({ n: 1 });
    assertPassed(only(await check(connection, noop), 'members'), /All 3 members/);
    assertPassed(only(await check(connection, noop), 'replication-lag'));
    const status = await connection.client.db('admin').command({ replSetGetStatus: 1 });
    const members = status['members'] as { name: string; stateStr: string }[];
    const secondary = members.find(({ stateStr }) => stateStr === 'SECONDARY')?.name ?? '';
    const index = set.servers.ports.indexOf(Number(secondary.split(':')[1]));
    await set.servers.kill(index);
    try {
      // The primary needs a missed heartbeat to know it.
      const found = await until(async () => {
        const result = only(await check(connection, noop), 'members');
        return result.outcome === 'failed' ? result : null;
      });
      assertFailed(found, 'warning', new RegExp(`${secondary} is`));
    } finally {
      await set.servers.restart(index);
    }
  });

  it('see a secondary that falls behind, and that it has caught up', async function () {
    this.timeout(60_000);
    const set = await threeNodes();
    const { db, connection } = await place(set);
    const lag = async () =>
      only(
        await runChecks(contextOf(connection, noop, { limits: { lagSeconds: 1 } }), undefined, [lagCheck]),
        'replication-lag',
      );
    const { hosts, primary } = await connection.client.db('admin').command({ hello: 1 });
    const secondary = (hosts as string[]).find((host) => host !== primary) ?? '';
    const node = await MongoClient.connect(`mongodb://${secondary}/?directConnection=true`);
    const stop = (mode: 'alwaysOn' | 'off') =>
      node.db('admin').command({ configureFailPoint: 'rsSyncApplyStop', mode });
    try {
      await stop('alwaysOn');
      const behind = await until(async () => {
        await db.collection('a').insertOne({}, { writeConcern: { w: 1 } });
        const result = await lag();
        // The member of the test before may still be catching up.
        return result.outcome === 'failed' && result.details.startsWith(secondary) ? result : null;
      });
      assertFailed(behind, 'warning', new RegExp(`${secondary} is .* behind the primary`));
    } finally {
      await stop('off');
      await node.close();
    }
    assertPassed(
      await until(async () => {
        const result = await lag();
        return result.outcome === 'passed' ? result : null;
      }),
    );
  });

  it('judge states, arbiters and lag', () => {
    const member = (state: number, health = 1, behind = 0): Parameters<typeof judgeLag>[0][number] => ({
      name: `m${state}${behind}:1`,
      state,
      stateStr:
        ['', 'PRIMARY', 'SECONDARY', 'RECOVERING', '', '', '', 'ARBITER', 'DOWN', 'ROLLBACK'][state] ?? '',
      health,
      optimeDate: new Date(Date.UTC(2026, 0, 1) - behind * 1000),
    });
    assert.equal(judgeMembers([member(1), member(2), member(2)]).outcome, 'passed');
    assert.equal(judgeMembers([member(1), member(9), member(2)]).severity, 'warning');
    assert.equal(judgeMembers([member(1), member(3), member(8, 0)]).severity, 'error');
    assert.match(judgeMembers([member(1), member(2), member(7)]).details, /arbiter/);
    assert.equal(judgeLag([member(1), member(2, 1, 300)], 30).outcome, 'failed');
    assert.match(judgeLag([member(1), member(2, 1, 300)], 30).details, /5 min behind/);
    assert.equal(judgeLag([member(1), member(2, 1, 3)], 30).outcome, 'passed');
  });

  it('judge the oplog by its growth, and by its age only once it has wrapped', async () => {
    const hour = 3600;
    const young = { used: 1e6, maximum: 1e9, seconds: 60 };
    assert.equal(judgeOplog(young, hour, 1e6).outcome, 'passed');
    const wrapped = { used: 1e9, maximum: 1e9, seconds: 2 * hour };
    assert.equal(judgeOplog(wrapped, hour, 0).outcome, 'failed');
    assert.equal(judgeOplog(wrapped, 60, 0).outcome, 'passed');
    assert.equal(judgeOplog(young, hour, 1e9).outcome, 'failed', 'the migration itself fills it');
  });

  it('see an oplog that a migration would run through', async () => {
    const servers = await startReplicaSet();
    try {
      const connection = await open(servers.uri, 'wide');
      const oplog = async () =>
        only(await runChecks(contextOf(connection, noop), undefined, [oplogCheck]), 'oplog-window');
      const rows = connection.db.collection('a');
      await rows.insertOne({ n: 1 });
      assertPassed(await oplog());
      const blob = Buffer.alloc(1_000_000, 'x');
      for (let round = 0; round < 10; round++) {
        await rows.insertMany(Array.from({ length: 10 }, () => ({ blob })));
      }
      assertFailed(await oplog(), 'warning', /the oplog of 53\d MB reaches back/);
      await connection.close();
    } finally {
      await servers.stop();
    }
  }).timeout(30_000);

  it('wait for a majority, and say so when none acknowledges', async function () {
    this.timeout(60_000);
    const set = await threeNodes();
    const { connection } = await place(set);
    assertPassed(only(await check(connection, noop), 'write-concern'), /acknowledges within/);
    const admin = connection.client.db('admin');
    await admin.command({
      configureFailPoint: 'failCommand',
      mode: 'alwaysOn',
      data: {
        failCommands: ['update'],
        writeConcernError: {
          code: 64,
          codeName: 'WriteConcernFailed',
          errmsg: 'waiting for replication timed out',
        },
      },
    });
    try {
      assertFailed(only(await check(connection, noop), 'write-concern'), 'error', /did not acknowledge/);
    } finally {
      await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    }
  });
});
