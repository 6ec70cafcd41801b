import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, note, notedToday } from '../../../tools/servers/cache';

describe('the cache of the tools', () => {
  let home: string;
  const usual = process.env['XDG_CACHE_HOME'];

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'migratory-cache-'));
    process.env['XDG_CACHE_HOME'] = home;
  });
  afterEach(async () => {
    if (usual === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = usual;
    await rm(home, { recursive: true });
  });

  it('fills an entry once', async () => {
    let fillings = 0;
    const fill = async (folder: string): Promise<void> => {
      fillings++;
      await writeFile(join(folder, 'file'), 'whole');
    };
    const first = await cached('entry', fill);
    assert.equal(await cached('entry', fill), first);
    assert.equal(fillings, 1);
    assert.equal(await readFile(join(first, 'file'), 'utf8'), 'whole');
    assert.deepEqual(await readdir(join(home, 'migratory')), ['entry']);
  });

  it('gives both of two builders the entry of the first one', async () => {
    const fill = (text: string) => (folder: string) => writeFile(join(folder, 'file'), text);
    const [first, second] = await Promise.all([cached('entry', fill('one')), cached('entry', fill('two'))]);
    assert.equal(first, second);
    assert.match(await readFile(join(first, 'file'), 'utf8'), /^(one|two)$/);
    assert.deepEqual(await readdir(join(home, 'migratory')), ['entry']);
  });

  it('leaves nothing of an entry that could not be filled', async () => {
    const fill = async (folder: string): Promise<void> => {
      await writeFile(join(folder, 'file'), 'half');
      throw new Error('no more');
    };
    await assert.rejects(cached('entry', fill), /no more/);
    assert.deepEqual(await readdir(join(home, 'migratory')), []);
  });

  it('removes what a killed process left a day ago, and nothing younger', async () => {
    await cached('a', () => Promise.resolve());
    const folder = join(home, 'migratory');
    await cached('entry.part-1-old', () => Promise.resolve());
    await cached('entry.part-1-new', () => Promise.resolve());
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
    await utimes(join(folder, 'entry.part-1-old'), twoDaysAgo, twoDaysAgo);
    await cached('b', () => Promise.resolve());
    assert.equal(existsSync(join(folder, 'entry.part-1-old')), false);
    assert.equal(existsSync(join(folder, 'entry.part-1-new')), true);
  });

  it('remembers a note for a day', async () => {
    assert.equal(await notedToday('host'), undefined);
    await note('host', 'unreachable');
    assert.equal(await notedToday('host'), 'unreachable');
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
    await utimes(join(home, 'migratory', 'host'), twoDaysAgo, twoDaysAgo);
    assert.equal(await notedToday('host'), undefined);
  });
});
