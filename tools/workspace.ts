// A copy of the sample workspace for one run of the demo or of the tests: its config names the server that was
// brought up for it, since an editor that is already running would not see an environment variable of ours.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from './build';

export interface SampleWorkspace {
  folder: string;
  /** Removes the copy. */
  dispose(): Promise<void>;
}

const placeholder = /\$\{env:\w+\}/g;

/** Copies samples/shop to a folder of the same name and puts `uri` where its config asks the environment. */
export async function sampleWorkspace(uri: string): Promise<SampleWorkspace> {
  const sample = join(root, 'samples', 'shop');
  const parent = await mkdtemp(join(tmpdir(), 'migratory-'));
  const folder = join(parent, basename(sample));
  await cp(sample, folder, { recursive: true });
  const config = (await readdir(folder)).find((name) => name.startsWith('migratory.config.'));
  if (config === undefined) throw new Error('samples/shop has no migratory.config.*');
  const text = await readFile(join(folder, config), 'utf8');
  if (!placeholder.test(text))
    throw new Error(`samples/shop/${config} takes no address from the environment`);
  await writeFile(
    join(folder, config),
    text.replace(placeholder, () => uri),
  );
  return { folder, dispose: () => rm(parent, { recursive: true, force: true }) };
}
