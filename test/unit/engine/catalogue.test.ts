// Folders that change while they are read.
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogue } from '../../../src/engine/catalogue';
import { skip } from '../../support/skip';

describe('the catalogue of a folder', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'migratory-catalogue-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const read = () => readCatalogue({ folders: [folder], recursive: false }, { root: folder });

  it('leaves out a file that goes while it is read', async () => {
    // Its names are computed, so it has to be run, and it takes itself away.
    await writeFile(
      join(folder, '1-goes.js'),
      `require('node:fs').unlinkSync(__filename); throw new Error('gone');`,
    );
    await writeFile(join(folder, '2-stays.js'), 'exports.up = () => undefined;');
    const { entries, problems } = await read();
    assert.deepEqual([entries.map(({ name }) => name), problems], [['2-stays.js'], []]);
  });

  it('tells of a link that leads nowhere', async function () {
    if (process.platform === 'win32') skip(this, 'links need a right of their own on Windows');
    await symlink(join(folder, 'nowhere.js'), join(folder, '1-link.js'));
    const { entries, problems } = await read();
    assert.deepEqual(entries, []);
    assert.match(problems[0]?.error.message ?? '', /no such file|not there|ENOENT/);
  });
});
