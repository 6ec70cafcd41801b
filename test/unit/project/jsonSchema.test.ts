import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { configSchema } from '../../../src/project/schema';

const file = join(__dirname, '..', '..', '..', 'schemas', 'migratory.config.schema.json');

describe('schemas/migratory.config.schema.json', () => {
  it('says what the config’s schema says (UPDATE_SCHEMA=1 writes it)', () => {
    // A record's non-empty keys have no counterpart in JSON schema.
    const schema = toJsonSchema(configSchema, { typeMode: 'input', errorMode: 'ignore' });
    if (process.env['UPDATE_SCHEMA']) writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(schema)));
  });

  const whole = {
    $schema: 'x',
    migrationsDir: 'db/migrations',
    recursive: true,
    ledger: 'changes',
    connections: { local: { uri: '${env:URI}', database: 'shop', production: true, readOnly: false } },
    defaultConnection: 'local',
    backup: 'none',
    onFailure: 'keep',
    onCancel: 'rollback',
    journalDays: 0.5,
    batchSize: 1,
    maxErrors: 0,
    throttle: { docsPerSecond: 1.5, maxLagSeconds: 10, maxLatencyMs: 100 },
    dryRun: { sample: 'all' },
    python: 'python3.12',
    lint: { L3: 'off' },
  };
  const wrong: object[] = [
    { migrationDir: 'x' },
    { migrationsDir: '' },
    { migrationsDir: [] },
    { migrationsDir: ['a', ''] },
    { ledger: 1 },
    { connections: ['mongodb://localhost'] },
    { connections: { '': { uri: 'x' } } },
    { connections: { local: {} } },
    { connections: { local: { uri: '' } } },
    { connections: { local: { uri: 'x', url: 'y' } } },
    { connections: { local: { uri: 'x', production: 'yes' } } },
    { backup: 'all' },
    { onFailure: 'stop' },
    { onCancel: true },
    { journalDays: 0 },
    { batchSize: 0 },
    { batchSize: 1.5 },
    { maxErrors: -1 },
    { throttle: { docsPerSecond: 0 } },
    { throttle: { perSecond: 1 } },
    { dryRun: { sample: 0 } },
    { dryRun: { sample: 'some' } },
    { lint: { rule: 'warning' } },
    { lint: 'off' },
    { python: null },
  ];
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')) as object);

  it('describes every key, and accepts a config that has them all', () => {
    const { properties } = JSON.parse(readFileSync(file, 'utf8')) as {
      properties: Record<string, { description?: string }>;
    };
    assert.deepEqual(Object.keys(properties), Object.keys(whole));
    for (const [key, { description }] of Object.entries(properties)) assert.ok(description, key);
    assert.equal(validate(whole), true, JSON.stringify(validate.errors));
    assert.equal(v.safeParse(configSchema, whole).success, true);
    assert.equal(validate({}), true);
  });

  for (const config of wrong) {
    it(`refuses what the program refuses: ${JSON.stringify(config)}`, () => {
      assert.equal(v.safeParse(configSchema, config).success, false);
      assert.equal(validate(config), false);
    });
  }
});
