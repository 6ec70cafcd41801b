// dist/licenses.txt: the licences of everything that is in the bundles or lies beside them. Most of them ask for no
// more than to be handed on with the code.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Copied into dist/ as they are, so no bundle names them. */
const beside = ['jiti', '@vscode/codicons'];

/** The text for the packages that these files (paths below the checkout) come from. */
export async function notices(root: string, inputs: Iterable<string>): Promise<string> {
  const packages = new Set(beside.map((name) => `node_modules/${name}`));
  for (const input of inputs) {
    const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (found !== undefined) packages.add(found);
  }
  const sections = await Promise.all([...packages].sort().map((folder) => section(join(root, folder))));
  return `Migratory contains the following packages.\n\n${sections.join('\n')}`;
}

async function section(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const file = (await readdir(folder)).find((name) => /^licen[sc]e/i.test(name));
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  const rule = '-'.repeat(78);
  return `${rule}\n${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})\n\n${text.trim()}\n`;
}
