import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../tools/build';
import { bundleFile, englishBundle, textsInSource } from '../../../tools/l10n';
import { english } from '../../../src/webview/texts';

type Strings = Record<string, string>;
const read = (...path: string[]): Strings => JSON.parse(readFileSync(join(root, ...path), 'utf8')) as Strings;

/** The languages beside English, by the files that there are. */
function languages(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => pattern.exec(name)?.[1] ?? []);
}

/** `{0}`, `{name}`: what is filled in must be in every language, and commands behind links too. */
function places(text: string): string[] {
  return [...text.matchAll(/\{\w+\}|\(command:[\w.]+\)|`[^`]+`|#[\w.]+#/g)].map(([place]) => place).sort();
}

function assertTranslated(strings: Strings, source: Strings, language: string): void {
  assert.deepEqual(Object.keys(strings), Object.keys(source), language);
  for (const [key, text] of Object.entries(strings)) {
    assert.notEqual(text.trim(), '', `${language}: ${key}`);
    assert.deepEqual(places(text), places(source[key] ?? ''), `${language}: ${key}`);
    assert.equal(/\s$/.test(text), /\s$/.test(source[key] ?? ''), `${language}: ${key}`);
    assert.equal(/\s?…$/.exec(text)?.[0], /\s?…$/.exec(source[key] ?? '')?.[0], `${language}: ${key}`);
  }
}

describe('the languages', () => {
  it('are the same for manifest, extension and panel, German among them', () => {
    const manifest = languages('.', /^package\.nls\.([a-z-]+)\.json$/);
    assert.deepEqual(languages('l10n', /^bundle\.l10n\.([a-z-]+)\.json$/), manifest);
    assert.deepEqual(languages('l10n', /^panel\.([a-z-]+)\.json$/), manifest);
    assert.ok(manifest.includes('de'));
  });

  it('have every text of the extension in the English bundle, and none that nobody says', async () => {
    const bundle = readFileSync(bundleFile, 'utf8');
    assert.equal(bundle, await englishBundle(), 'node --import tsx tools/l10n.ts writes it anew');
    assert.ok((await textsInSource()).length > 200);
  });

  for (const language of languages('l10n', /^bundle\.l10n\.([a-z-]+)\.json$/)) {
    it(`say everything in ${language}`, () => {
      assertTranslated(read('package.nls.' + language + '.json'), read('package.nls.json'), language);
      assertTranslated(
        read('l10n', `bundle.l10n.${language}.json`),
        read('l10n', 'bundle.l10n.json'),
        language,
      );
      assertTranslated(read('l10n', `panel.${language}.json`), english, language);
    });
  }
});
