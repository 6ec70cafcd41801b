// The texts of the panel in the language of the host; what it leaves out stays English (texts.ts).
import { english } from './texts';

export type StringKey = keyof typeof english;
/** Keys that come as `key.one` and `key.other`. */
export type PluralKey = StringKey extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

let table: Record<string, string> = english;
let rules = new Intl.PluralRules('en');

/** Takes over the texts of a language; unknown keys are ignored, missing ones stay English. */
export function setStrings(strings: Record<string, string>, language: string): void {
  const known = Object.entries(strings).filter(([key, text]) => key in english && typeof text === 'string');
  table = { ...english, ...Object.fromEntries(known) };
  rules = new Intl.PluralRules(supported(language));
}

/** The language itself when Intl knows it, else English. */
export function supported(language: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export function text(key: StringKey, values: Record<string, string> = {}): string {
  return fill(table[key] ?? key, values);
}

/** The text of `key` for `count`; `{n}` is `shown`, the count as people of the language write it. */
export function plural(
  key: PluralKey,
  count: number,
  shown: string,
  values: Record<string, string> = {},
): string {
  const form = table[`${key}.${rules.select(count)}`] ?? table[`${key}.other`] ?? key;
  return fill(form, { n: shown, ...values });
}

/** The text of the first key that exists, for words that some modes say differently. */
export function firstText(...keys: string[]): string {
  const key = keys.find((key) => key in english);
  return key === undefined ? (keys.at(-1) ?? '') : text(key as StringKey);
}
