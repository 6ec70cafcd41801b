// The texts of the extension: finds every `t('…')` of src/vscode and writes the English bundle, l10n/bundle.l10n.json.
// Run it by hand after a change: node --import tsx tools/l10n.ts. A test holds source and all languages together.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from '@babel/parser';
import { isIdentifier, isMemberExpression, isStringLiteral, traverseFast, type Node } from '@babel/types';
import { root } from './build';

/** Every text that the extension translates at run time, sorted. @throws Error for a text that is put together. */
export async function textsInSource(): Promise<string[]> {
  const folder = join(root, 'src', 'vscode');
  const texts = new Set<string>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const program = parse(await readFile(join(folder, name), 'utf8'), {
      sourceType: 'module',
      plugins: ['typescript'],
    });
    traverseFast(program, (node) => {
      const text = textOf(node);
      if (text === undefined) return;
      if (text === null)
        throw new Error(`${name}:${node.loc?.start.line}: a text must stand there as one literal`);
      texts.add(text);
    });
  }
  return [...texts].sort();
}

/** The first argument of a translating call; null when it is no literal, undefined for any other node. */
function textOf(node: Node): string | null | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const { callee } = node;
  const called = isMemberExpression(callee) ? callee.property : callee;
  if (!isIdentifier(called, { name: 't' })) return undefined;
  const [text] = node.arguments;
  return isStringLiteral(text) ? text.value : null;
}

export const bundleFile = join(root, 'l10n', 'bundle.l10n.json');

/** The English bundle as it should be. */
export async function englishBundle(): Promise<string> {
  const entries = (await textsInSource()).map((text) => [text, text]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  void englishBundle().then((bundle) => writeFile(bundleFile, bundle));
}
