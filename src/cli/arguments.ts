// Values of the command line's options: read, or refused in one sentence.
import { InvalidArgumentError } from 'commander';

export const count = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It has to be a whole number above 0.');
  return number;
};
export const limit = (text: string): number => {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError('It has to be above 0.');
  return number;
};
export const days = (text: string): number => (text === '0' ? 0 : limit(text));
/** `--arg key=value`, as often as needed; the value is JSON where it reads as JSON. */
export const argument = (text: string, given: Record<string, unknown> = {}): Record<string, unknown> => {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It has to look like key=value.');
  return { ...given, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) };
};
const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};
export const sample = (text: string): number | 'all' => (text === 'all' ? 'all' : count(text));
/** An option that may be given several times. */
export const each = (text: string, given: string[] | undefined): string[] => [...(given ?? []), text];
