import assert from 'node:assert/strict';
import type { ConfirmationRequest } from '../../../src/vscode/commands/confirmation';
import { confirmation } from '../../../src/vscode/commands/confirmation';
import { english } from '../../../src/vscode/words';

const request: ConfirmationRequest = {
  direction: 'up',
  migrations: [{ name: 'add-status', file: '/work/migrations/1.js' }],
  connection: { name: 'local', host: 'localhost:27017', database: 'shop', production: false },
  earlierPending: 0,
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
      { ...request, migrations, earlierPending: 2, irreversible: ['m3'] },
      english,
    );
    assert.equal(message, 'Run 15 migrations on shop (localhost:27017)?');
    assert.match(detail, /Migrations: 15\n {2}1\. m1\n/);
    assert.match(detail, / {2}12\. m12\n {2}… and 3 more/);
    assert.match(detail, /Stay pending although they come earlier: 2/);
    assert.match(detail, /Cannot be rolled back afterwards: m3/);
  });

  it('says the way back differently', () => {
    const { message, detail, button } = confirmation({ ...request, direction: 'down' }, english);
    assert.equal(message, 'Roll back "add-status" on shop (localhost:27017)?');
    assert.match(detail, /Direction: down \(undo\)/);
    assert.equal(button, 'Roll Back');
  });

  it('wants the name of a production database typed', () => {
    const production = { ...request.connection, production: true };
    const { detail, typed } = confirmation({ ...request, connection: production }, english);
    assert.equal(typed, 'shop');
    assert.match(detail, /PRODUCTION/);
  });
});
