// Where a registry lacks the packages of other platforms, npm leaves them out of the lock file without a word, and
// `npm ci` fails in every fresh clone.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../tools/build';

interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>;
}

describe('package-lock.json', () => {
  it('names the optional packages of every platform', async () => {
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
    const there = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1)));
    const wanted = Object.values(lock.packages).flatMap((each) =>
      Object.keys(each.optionalDependencies ?? {}),
    );
    assert.ok(wanted.length > 0);
    assert.deepEqual(
      wanted.filter((name) => !there.has(name)),
      [],
    );
  });
});
