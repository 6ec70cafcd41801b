// No text that people see goes past the languages: neither in the extension (l10n bundle) nor in the panel (its strings).
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@babel/parser';
import { traverseFast, type Node } from '@babel/types';
import { root } from '../../../tools/build';

/** Properties whose value the editor shows. */
const shown = new Set([
  'label',
  'title',
  'detail',
  'description',
  'tooltip',
  'placeHolder',
  'prompt',
  'message',
  'text',
  'invocationMessage',
]);

/** Names of things, the same in every language. */
const names = new Set(['Migratory', 'Node.js', 'MongoDB', 'Migratory:', 'mongodb://localhost:27017/shop']);

function sources(folder: string): { name: string; program: Node }[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      name: `${folder}/${name}`,
      program: parse(readFileSync(join(root, folder, name), 'utf8'), {
        sourceType: 'module',
        plugins: ['typescript', 'decorators'],
      }) as Node,
    }));
}

/** Words that stand in a literal; what is filled in does not count. */
function wordsOf(node: Node | null | undefined): string {
  if (node?.type === 'StringLiteral') return node.value;
  if (node?.type !== 'TemplateLiteral') return '';
  return node.quasis.map(({ value }) => value.cooked ?? '').join(' ');
}

function isText(words: string): boolean {
  const bare = words.replace(/\$\([a-z~-]+\)/g, '');
  return /\p{L}{3}/u.test(bare) && !names.has(words.trim());
}

/** What a node shows as a literal of its own. */
function literalsShown(node: Node): (Node | null | undefined)[] {
  if (node.type === 'ObjectProperty' && node.key.type === 'Identifier' && shown.has(node.key.name)) {
    return [node.value];
  }
  if (
    node.type === 'AssignmentExpression' &&
    node.left.type === 'MemberExpression' &&
    node.left.property.type === 'Identifier' &&
    shown.has(node.left.property.name)
  ) {
    return [node.right];
  }
  if (node.type === 'NewExpression' && node.callee.type === 'Identifier') {
    return /^(UserError|MarkdownString|TreeItem)$/.test(node.callee.name) ? [node.arguments[0]] : [];
  }
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return [];
  const { property } = node.callee;
  const called = property.type === 'Identifier' ? property.name : '';
  return /^(show(Information|Warning|Error)Message|setStatusBarMessage)$/.test(called) ? node.arguments : [];
}

describe('texts that people see', () => {
  it('of the extension are all translated', () => {
    const found: string[] = [];
    for (const { name, program } of sources('src/vscode')) {
      traverseFast(program, (node) => {
        for (const literal of literalsShown(node)) {
          const words = wordsOf(literal);
          if (isText(words)) found.push(`${name}:${literal?.loc?.start.line}: ${words}`);
        }
      });
    }
    assert.deepEqual(found, []);
  });

  it('of the panel are all translated', () => {
    const found: string[] = [];
    let templates = 0;
    for (const { name, program } of sources('src/webview')) {
      traverseFast(program, (node) => {
        if (node.type !== 'TaggedTemplateExpression') return;
        if (node.tag.type !== 'Identifier' || node.tag.name !== 'html') return;
        templates += 1;
        const markup = node.quasi.quasis.map(({ value }) => value.cooked ?? '').join('¦');
        const texts = markup.replace(/<[^>]*>/g, '\n');
        const spoken = [...markup.matchAll(/(?:aria-label|title|alt|placeholder|label)="([^"¦]*)"/g)];
        for (const text of [...texts.split(/[\n¦]/), ...spoken.map(([, value]) => value ?? '')]) {
          if (isText(text.trim())) found.push(`${name}:${node.loc?.start.line}: ${text.trim()}`);
        }
      });
    }
    assert.ok(templates > 20, `${templates} templates`);
    assert.deepEqual(found, []);
  });
});
