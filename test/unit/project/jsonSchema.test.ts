import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from '../../../src/project/schema';

const file = join(__dirname, '..', '..', '..', 'schemas', 'migratory.config.schema.json');

describe('schemas/migratory.config.schema.json', () => {
  it('says what the config’s schema says (UPDATE_SCHEMA=1 writes it)', () => {
    // A record's non-empty keys have no counterpart in JSON schema.
    const schema = toJsonSchema(configSchema, { typeMode: 'input', errorMode: 'ignore' });
    if (process.env['UPDATE_SCHEMA']) writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(schema)));
  });
});
