// `npm run package`: builds what people install and packs it into migratory.vsix at the top of the checkout.
// Which files go in stands in .vscodeignore.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, root } from './build';
import { run } from './servers/command';

export const vsix = join(root, 'migratory.vsix');

let packing: Promise<string> | undefined;

/** Path of a fresh .vsix; packed once for each process that asks. */
export function packageExtension(): Promise<string> {
  packing ??= pack();
  return packing;
}

async function pack(): Promise<string> {
  await build({ minify: true, clean: true });
  const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  // Everything is in the bundles, so nothing is taken from node_modules. VS Code shows neither pictures nor pages of a
  // README that lie beside it, so the extension has a page of its own.
  const options = [
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--readme-path=docs/extension.md',
  ];
  await run(process.execPath, [vsce, 'package', ...options, '--out', vsix], { cwd: root });
  return vsix;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { size } = await stat(await packageExtension());
  process.stderr.write(`Packed migratory.vsix (${Math.round(size / 1024)} KiB)\n`);
}
