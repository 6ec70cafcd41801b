import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutlineCache } from '../../../src/engine/outlineCache';
import { sourceChecksum } from '../../../src/migration/checksum';

describe('outline cache', () => {
  let folder = '';
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'migratory-outlines-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const source = (n: number): Buffer => Buffer.from(`exports.up = async () => ${n};`);
  const ask = (cache: OutlineCache, n: number, file = `${n}.js`): string | null | undefined =>
    cache.outline(source(n), file, sourceChecksum(source(n))).entries[0]?.name;

  it('gives the same outlines to the next process, without parsing again', async () => {
    const path = join(folder, 'deep', 'outlines.json');
    const first = new OutlineCache(path);
    await first.load();
    for (let n = 0; n < 60; n++) assert.equal(ask(first, n), `${n}.js`);
    await first.save();
    const stored = (await readFile(path, 'utf8')).replace('"name":"7.js"', '"name":"from the cache"');
    await writeFile(path, stored);
    const next = new OutlineCache(path);
    await next.load();
    assert.equal(ask(next, 7), 'from the cache');
    assert.equal(ask(next, 7, 'renamed.js'), 'renamed.js', 'the name of the file counts too');
  });

  it('is no obstacle when it is damaged or cannot be written', async () => {
    const path = join(folder, 'outlines.json');
    await writeFile(path, '{"not": "a list"');
    const damaged = new OutlineCache(path);
    await damaged.load();
    assert.equal(ask(damaged, 1), '1.js');
    const nowhere = new OutlineCache(join(path, 'below', 'a', 'file.json'));
    await nowhere.load();
    for (let n = 0; n < 60; n++) ask(nowhere, n);
    await nowhere.save();
  });
});
