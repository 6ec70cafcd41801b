import assert from 'node:assert/strict';
import type { ConfirmationRequest } from '../../../src/vscode/commands/confirmation';
import { confirmation } from '../../../src/vscode/commands/confirmation';
import { english } from '../../../src/vscode/words';

const request: ConfirmationRequest = {
  direction: 'up',
  migrations: [{ name: 'add-status', file: '/work/migrations/1.js' }],
  connection: { name: 'local', host: 'localhost:27017', database: 'shop', production: false },
  earlierPending: [],
  irreversible: [],
};

describe('the question before a run', () => {
  it('names host, database, migration, direction and file', () => {
    assert.deepEqual(confirmation(request, english), {
      message: 'Run "add-status" on shop (localhost:27017)?',
      detail: [
        'Host: localhost:27017',
        'Database: shop',
        'Connection: local',
        'Direction: up (apply)',
        'Migration: add-status',
        'File: 1.js',
      ].join('\n'),
      button: 'Run',
      typed: undefined,
    });
  });

  it('counts and lists several, and says what stays behind', () => {
    const migrations = Array.from({ length: 15 }, (_, index) => ({ name: `m${index + 1}` }));
    const { message, detail } = confirmation(
      { ...request, migrations, earlierPending: ['a', 'b', 'c', 'd'], irreversible: ['m3'] },
      english,
    );
    assert.equal(message, 'Run 15 migrations on shop (localhost:27017)?');
    assert.match(detail, /Migrations: 15\n {2}1\. m1\n/);
    assert.match(detail, / {2}12\. m12\n {2}… and 3 more/);
    assert.match(detail, /Stay pending although they come earlier: 4 \(a, b, c and 1 more\)/);
    assert.match(detail, /Cannot be rolled back afterwards: m3/);
  });

  it('says the way back differently', () => {
    const { message, detail, button } = confirmation({ ...request, direction: 'down' }, english);
    assert.equal(message, 'Roll back "add-status" on shop (localhost:27017)?');
    assert.match(detail, /Direction: down \(undo\)/);
    assert.equal(button, 'Roll Back');
  });

  it('says what a dry run has shown, and when', () => {
    const now = Date.parse('2026-03-02T10:00:00Z');
    const rehearsal = { at: '2026-03-02T09:55:00Z', documents: 3201, seconds: 4.2 };
    const rehearsed = [{ name: 'add-status', rehearsal }];
    const { detail } = confirmation({ ...request, rehearsed, now }, english);
    assert.match(detail, /Dry run passed: 5 min ago, about 3\D?201 documents, about 4\.2 s/);
    const migrations = [...request.migrations, { name: 'second' }];
    const both = confirmation({ ...request, migrations, rehearsed, now }, english);
    assert.match(both.detail, /Dry run passed: 1 of 2/);
  });

  it('wants the name of a production database typed', () => {
    const production = { ...request.connection, production: true };
    const { detail, typed } = confirmation({ ...request, connection: production }, english);
    assert.equal(typed, 'shop');
    assert.match(detail, /PRODUCTION/);
  });
});
