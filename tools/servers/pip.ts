// Packages of Python as wheels, without installing anything.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateApt, unpackPackage } from './apt';
import { run } from './command';

/**
 * Downloads wheels into `target` with the machine's pip, as that is configured; where there is none, with the one
 * inside Debian's pip package.
 */
export async function pipDownload(requirements: string[], target: string): Promise<void> {
  const args = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--progress-bar=off',
    '-d',
    target,
    ...requirements,
  ];
  const hasPip = await run('python3', ['-m', 'pip', '--version']).then(
    () => true,
    () => false,
  );
  if (hasPip) {
    await run('python3', ['-m', 'pip', ...args]);
    return;
  }
  const work = await mkdtemp(join(tmpdir(), 'migratory-pip-'));
  try {
    const apt = await privateApt(join(work, 'apt'));
    await unpackPackage(apt, 'python3-pip-whl', work);
    const folder = join(work, 'usr', 'share', 'python-wheels');
    const pip = (await readdir(folder)).find((name) => /^pip-.*\.whl$/.test(name));
    if (pip === undefined) throw new Error('the package python3-pip-whl holds no pip');
    await run('python3', [join(folder, pip, 'pip'), ...args]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
