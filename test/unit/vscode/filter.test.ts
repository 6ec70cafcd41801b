import assert from 'node:assert/strict';
import type { MigrationState } from '../../../src/protocol/status';
import { groupOf, TreeFilter } from '../../../src/vscode/tree/filter';
import { migration, migrationRows, status } from './support';

const [row] = migrationRows([], status([migration()]), []).rows;
assert.ok(row);

describe('the filter of the tree', () => {
  const values = new Map<string, unknown>();
  const filter = new TreeFilter({
    get: (key) => values.get(key),
    update: async (key, value) => void values.set(key, value),
  });
  beforeEach(() => values.clear());

  it('puts every state into one group', () => {
    const groups: Record<MigrationState, string> = {
      pending: 'pending',
      applied: 'applied',
      running: 'running',
      changed: 'attention',
      missing: 'attention',
      'out-of-order': 'attention',
      failed: 'attention',
      interrupted: 'attention',
      conflicts: 'attention',
    };
    for (const [state, group] of Object.entries(groups)) {
      assert.equal(groupOf({ ...row, state: state as MigrationState }), group, state);
    }
    assert.equal(groupOf({ ...row, state: 'applied', quarantined: 3 }), 'attention');
    assert.equal(groupOf({ ...row, duplicate: true }), 'attention');
    const active = { run: 'r', mode: 'up', state: 'running', percentage: null } as const;
    assert.equal(groupOf({ ...row, state: 'failed', active }), 'running');
  });

  it('is flat until somebody wants groups, and flat again afterwards', async () => {
    assert.equal(filter.grouped, false);
    await filter.group(true);
    assert.equal(filter.grouped, true);
    await filter.group(false);
    assert.equal(filter.grouped, false);
  });

  it('shows everything until something is chosen, and when all is', async () => {
    assert.equal(filter.shows(row), true);
    await filter.set(['applied']);
    assert.equal(filter.shows(row), false);
    assert.equal(filter.shows({ ...row, state: 'applied' }), true);
    await filter.set(['attention', 'applied', 'running', 'pending']);
    assert.deepEqual(filter.groups, []);
    values.set('migratory.filter', ['gone']);
    assert.equal(filter.shows(row), true);
  });
});
