// `npm run package`: builds what people install and packs it into migratory.vsix at the top of the checkout.
// Which files go in stands in .vscodeignore.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createVSIX } from '@vscode/vsce';
import { build, root } from './build';

export const vsix = join(root, 'migratory.vsix');

let packing: Promise<string> | undefined;

/** Path of a fresh .vsix; packed once for each process that asks. */
export function packageExtension(): Promise<string> {
  packing ??= pack();
  return packing;
}

async function pack(): Promise<string> {
  await build({ minify: true, clean: true });
  // Everything is in the bundles, so nothing is taken from node_modules.
  await createVSIX({
    cwd: root,
    packagePath: vsix,
    dependencies: false,
    allowMissingRepository: true,
    // The README links into docs/, and there is no address of a repository that vsce could put before it.
    rewriteRelativeLinks: false,
  });
  return vsix;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { size } = await stat(await packageExtension());
  process.stderr.write(`Packed migratory.vsix (${Math.round(size / 1024)} KiB)\n`);
}
