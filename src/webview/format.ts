// Numbers, durations and times as people of the host's language write them.
import { supported } from './strings';

let language = 'en';

export function setLanguage(wanted: string): void {
  language = supported(wanted);
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

/** `value` is 0 to 100. Never rounds up to 100 before the end. */
export function percent(value: number): string {
  const shown = value < 100 ? Math.min(99, Math.floor(value)) : 100;
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(shown / 100);
}

/** Documents per second: whole numbers, but small rates with one digit. */
export function rate(value: number): string {
  return number(value, value > 0 && value < 10 ? 1 : 0);
}

/** Seconds as the command line writes them: `0.4s`, `42s`, `3m 5s`, `2h 10m`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${number(Math.max(0, seconds), 1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${number(whole)}s`;
  if (whole < 3600) return `${number(Math.floor(whole / 60))}m ${whole % 60}s`;
  return `${number(Math.floor(whole / 3600))}h ${Math.floor((whole % 3600) / 60)}m`;
}

/** The same in whole seconds, for clocks that tick and estimates that are no more exact. */
export function wholeSeconds(seconds: number): string {
  return seconds < 10 ? `${number(Math.max(0, Math.round(seconds)))}s` : duration(seconds);
}

/** Bytes with their sign: `+3.2 MB`. */
export function growth(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[unit],
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: unit === 0 ? 0 : 1,
    signDisplay: 'exceptZero',
  }).format(value);
}

/** Time of day with seconds. */
export function clock(at: string | Date): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(date);
}

/** Date and time. */
export function moment(at: string | Date): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(date);
}

/** Seconds between two moments, never negative (clocks of two machines differ). */
export function secondsBetween(from: string | Date, to: string | Date | number): number {
  const seconds = (new Date(to).getTime() - new Date(from).getTime()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
