// Migrations in Python in the editor: lenses above each dict of a list, each of which runs its own.
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { pymongoFolder } from '../../tools/python/pymongo';
import { skip } from '../support/skip';
import { applied, scene } from './support/scene';

const name = '20240101000000-orders.py';
const list = `def add_status(db):
    db.orders.update_many({"status": {"$exists": False}}, {"$set": {"status": "open"}})


migrations = [
    {
        "name": "orders-status",
        "up": add_status,
        "down": lambda db: db.orders.update_many({}, {"$unset": {"status": ""}}),
    },
    {"name": "orders-index", "up": lambda db: db.orders.create_index("status"), "down": None},
    {"name": "orders-wrong", "up": lambda db: db.orders.insert_one({"_id": db.orders.find_one()["_id"]})},
]
`;

describe('migrations in Python', () => {
  it('have lenses above each dict, and run with the Python that the config names', async function () {
    if (process.platform === 'win32') skip(this, 'the Python with pymongo is a shell script');
    const python = `#!/bin/sh\nPYTHONPATH='${await pymongoFolder()}' exec python3 "$@"\n`;
    const files = { [`migrations/${name}`]: list, python };
    const documents = { orders: [{ _id: 1 }, { _id: 2 }] };
    await scene(
      'python',
      { files, documents, config: { python: './python' } },
      async ({ window, folder, db }) => {
        await chmod(join(folder, 'python'), 0o755);
        await window.openFile(name);
        const target = new RegExp(`^${db.databaseName} on 127\\.0\\.0\\.1:\\d+$`);
        const lenses = ['Run', 'Dry run', 'Validate', 'pending', target];
        await window.waitForLenses([lenses, lenses, lenses]);
        await window.clickLens('Run', 1);
        assert.match((await window.dialog()).message, /^Run "orders-index" on /);
        await window.confirmDialog();
        await window.waitForWebview('Applied');
        assert.deepEqual(await applied(db), ['orders-index']);
        assert.ok(await db.collection('orders').indexExists('status_1'));

        await window.openFile(name);
        await window.clickLens('Dry run', 2);
        assert.match(await window.waitForWebview('E11000'), /orders\.py:12/);
      },
    );
  });
});
