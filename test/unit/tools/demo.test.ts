import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../../tools/build';
import { openInCode } from '../../../tools/demo/open';
import { skip } from '../../support/skip';

describe('the demo in VS Code', function () {
  this.timeout(20_000);
  const displayBefore = process.env['DISPLAY'];
  let folder = '';
  const said: string[] = [];

  /** A program in the place of `code` that writes its arguments down. */
  async function code(script: string): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'migratory-code-'));
    const path = join(folder, 'code');
    await writeFile(path, `#!/bin/sh\nprintf '%s\\n' "$@" > "${folder}/args"\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const open = async (script: string, ended = new Promise<void>(() => undefined)): Promise<boolean> =>
    openInCode(await code(script), '/the/shop', (line) => said.push(line), ended);

  before(function () {
    if (process.platform === 'win32') skip(this, 'the program in the place of code is a shell script');
  });
  beforeEach(() => {
    said.length = 0;
    process.env['DISPLAY'] = ':0';
  });
  afterEach(async () => {
    if (displayBefore === undefined) delete process.env['DISPLAY'];
    else process.env['DISPLAY'] = displayBefore;
    await rm(folder, { recursive: true, force: true });
  });

  it('loads the extension of this checkout into a profile of its own, until the window is closed', async () => {
    assert.equal(await open('exit 0'), true);
    const args = (await readFile(join(folder, 'args'), 'utf8')).trim().split('\n');
    assert.equal(args.at(-1), '/the/shop');
    assert.ok(args.includes(`--extensionDevelopmentPath=${root}`));
    assert.ok(
      args.includes('--wait') && args.includes('--user-data-dir') && args.includes('--extensions-dir'),
    );
    assert.match(said.join('\n'), /^The sample workspace opens in VS Code\.[^\n]*$/);
  });

  it('ends when the demo is ended', async () => {
    assert.equal(await open('exec sleep 60', Promise.resolve()), true);
  });

  it('says why it did not open, so that a browser can take its place', async () => {
    assert.equal(await open('echo "cannot open display" >&2; exit 1'), false);
    assert.match(said.at(-1) ?? '', /did not open: cannot open display \(it ended with 1\)$/);
    delete process.env['DISPLAY'];
    delete process.env['WAYLAND_DISPLAY'];
    if (process.platform !== 'linux') return;
    assert.equal(await open('exit 0'), false);
    assert.match(said.at(-1) ?? '', /did not open: there is no display\.$/);
  });
});
