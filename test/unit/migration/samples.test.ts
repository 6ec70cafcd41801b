import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkNames } from '../../../src/migration/classify';
import { findMigrationFiles } from '../../../src/migration/files';
import { loadMigrations } from '../../../src/migration/load';
import { outlineSource } from '../../../src/migration/outlineSource';
import { loadConfig } from '../../../src/project/config';

const root = join(__dirname, '..', '..', '..', 'samples', 'shop');

describe('samples/shop', () => {
  it('has migrations of every form, which the outline reads as the loader does', async () => {
    const files = await findMigrationFiles({ folders: [join(root, 'migrations')], recursive: false });
    const loaded = (await Promise.all(files.map(({ path }) => loadMigrations(path, { root })))).flat();
    checkNames(loaded);
    const outlined = [];
    for (const { path } of files) {
      const outline = outlineSource(await readFile(path, 'utf8'), path);
      assert.equal(outline.complete, true, path);
      outlined.push(...outline.entries);
    }
    const brief = (migration: { name: string | null; kind: string }): string =>
      `${migration.name} ${migration.kind}`;
    assert.deepEqual(outlined.map(brief), loaded.map(brief));
    assert.deepEqual(loaded.map(brief), [
      '20240101090000-movie-defaults.js script',
      '20240115090000-split-customer-names.js script',
      'cities-by-country script',
      'cities-nearby script',
      'cities-size transform',
      '20240301090000-release-dates.js transform',
      '20240315090000-movie-profit.ts transform',
      '20240401090000-age-limits.js script',
      '20240415090000-drop-dvd-sales.js script',
    ]);
  });

  it('asks the environment for its connection', async () => {
    const config = await loadConfig({ root }, { MIGRATORY_URI: 'mongodb://localhost:27018' });
    assert.deepEqual(config.connections, [
      { name: 'local', uri: 'mongodb://localhost:27018', database: 'shop' },
    ]);
    assert.equal(config.defaultConnection, 'local');
  });
});
