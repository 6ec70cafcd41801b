// Strings that are dates: ISO 8601, or a format in the words of MongoDB's $dateFromString. Read exactly or not at all:
// no such day, a cut-off fraction of a second or an hour that the time zone skips is a reason, never another date.

export interface DateReading {
  /** Formats with `%Y %m %d %H %M %S %L %j %b %B %z %Z %%`; without one ISO 8601 is expected. */
  format?: string | string[];
  /** IANA name of the zone of strings that name none. Default UTC. */
  timezone?: string;
}

interface Parts {
  year: number;
  month: number;
  /** Of the month, or of the year. */
  day: number;
  ofYear: boolean;
  hour: number;
  minute: number;
  second: number;
  ms: number;
  /** Minutes east of UTC; undefined = the string names no zone. */
  offset: number | undefined;
}

/** What was read, or why it cannot be. */
export type DateAnswer = { date: Date } | { reason: string };

const months = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

const iso =
  /^(?<Y>\d{4})-(?<m>\d{2})-(?<d>\d{2})(?:[Tt ](?<H>\d{2}):(?<M>\d{2})(?::(?<S>\d{2})(?:[.,](?<L>\d+))?)?\s?(?<z>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** How each letter of a format is looked for; leading zeros may be missing where a separator follows. */
const specifiers: Record<string, string> = {
  Y: '(?<Y>\\d{4})',
  m: '(?<m>\\d{1,2})',
  d: '(?<d>\\d{1,2})',
  H: '(?<H>\\d{1,2})',
  M: '(?<M>\\d{1,2})',
  S: '(?<S>\\d{1,2})',
  L: '(?<L>\\d{1,9})',
  j: '(?<j>\\d{1,3})',
  b: `(?<b>${months.map((month) => month.slice(0, 3)).join('|')})`,
  B: `(?<B>${months.join('|')})`,
  z: '(?<z>[Zz]|[+-]\\d{2}:?\\d{2})',
  Z: '(?<Z>[+-]?\\d{1,3})',
  '%': '%',
};

/**
 * Makes the reader of a conversion.
 * @throws TypeError for a format or a time zone that does not exist.
 */
export function dateReader({ format, timezone }: DateReading): (text: string) => DateAnswer {
  const formats = format === undefined ? [] : [format].flat();
  const patterns = formats.length === 0 ? [iso] : formats.map(patternOf);
  const zone = timezone === undefined ? undefined : zoneOf(timezone);
  const expected =
    formats.length === 0 ? 'no ISO 8601 date' : `no date of the form ${formats.map(quoted).join(' or ')}`;
  return (text) => {
    const trimmed = text.trim();
    for (const pattern of patterns) {
      const found = pattern.exec(trimmed)?.groups;
      if (found) return dateOf(found, zone);
    }
    return { reason: expected };
  };
}

function quoted(format: string): string {
  return JSON.stringify(format);
}

function patternOf(format: string): RegExp {
  const source = format.replaceAll(/%(.)?|[^%]+/gs, (part: string, letter: string | undefined) => {
    if (!part.startsWith('%')) return part.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
    const specifier = specifiers[letter ?? ''];
    if (specifier === undefined) throw new TypeError(`the date format "${format}" has an unknown "${part}"`);
    return specifier;
  });
  const pattern = new RegExp(`^${source}$`, 'i');
  const known = (name: string): boolean => source.includes(`(?<${name}>`);
  if (!known('Y') || !(known('j') || (known('d') && (known('m') || known('b') || known('B')))))
    throw new TypeError(`the date format "${format}" does not say year, month and day`);
  return pattern;
}

function dateOf(found: Record<string, string | undefined>, zone: Zone | undefined): DateAnswer {
  const number = (name: string): number => Number(found[name] ?? 0);
  const fraction = found['L'] ?? '';
  if (/[1-9]/.test(fraction.slice(3)))
    return { reason: `finer than a millisecond (.${fraction}), which a date cannot hold` };
  const ofYear = found['j'] !== undefined;
  const parts: Parts = {
    year: number('Y'),
    month: ofYear ? 1 : monthOf(found),
    day: number(ofYear ? 'j' : 'd'),
    ofYear,
    hour: number('H'),
    minute: number('M'),
    second: number('S'),
    ms: Number(fraction.slice(0, 3).padEnd(3, '0')),
    offset: offsetOf(found),
  };
  const local = utcOf(parts);
  if (local === undefined) return { reason: 'no such day or time' };
  if (parts.offset !== undefined) {
    if (Math.abs(parts.offset) >= 24 * 60) return { reason: 'no such offset from UTC' };
    return { date: new Date(local - parts.offset * 60_000) };
  }
  return zone ? inZone(local, zone) : { date: new Date(local) };
}

function monthOf(found: Record<string, string | undefined>): number {
  const name = (found['b'] ?? found['B'])?.toLowerCase();
  if (name === undefined) return Number(found['m']);
  return months.findIndex((month) => month.startsWith(name)) + 1;
}

function offsetOf(found: Record<string, string | undefined>): number | undefined {
  if (found['Z'] !== undefined) return Number(found['Z']);
  const text = found['z'];
  if (text === undefined) return undefined;
  if (text.toLowerCase() === 'z') return 0;
  const digits = text.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0);
  return text.startsWith('-') ? -minutes : minutes;
}

/** Milliseconds as if the parts were UTC; undefined if there is no such day or time. */
function utcOf({ year, month, day, ofYear, hour, minute, second, ms }: Parts): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, ms);
  const same =
    date.getUTCFullYear() === year &&
    (ofYear || (date.getUTCMonth() === month - 1 && date.getUTCDate() === day)) &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return same && day > 0 ? date.getTime() : undefined;
}

interface Zone {
  name: string;
  format: Intl.DateTimeFormat;
}

function zoneOf(name: string): Zone {
  const two = '2-digit' as const;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
  });
  return { name, format };
}

/** The instant at which the clocks of the zone show this; there may be none, or two. */
function inZone(local: number, zone: Zone): DateAnswer {
  const day = 86_400_000;
  const candidates = [local - day, local + day].map((near) => local - offsetAt(near, zone));
  const fitting = new Set(candidates.filter((instant) => local - instant === offsetAt(instant, zone)));
  const [instant, second] = fitting;
  if (instant === undefined) return { reason: `a time that the clocks of ${zone.name} skip` };
  if (second !== undefined) return { reason: `a time that the clocks of ${zone.name} show twice` };
  return { date: new Date(instant) };
}

/** Milliseconds that the zone is ahead of UTC at an instant. */
function offsetAt(instant: number, { format }: Zone): number {
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const year = Number(parts['year']);
  const shown = new Date(0);
  shown.setUTCFullYear(
    parts['era'] === 'BC' ? 1 - year : year,
    Number(parts['month']) - 1,
    Number(parts['day']),
  );
  shown.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
  return shown.getTime() - Math.floor(instant / 1000) * 1000;
}
