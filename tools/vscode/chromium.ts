// Finds a Chromium that the tests and the demo check can drive: named by CHROMIUM_PATH, on PATH, playwright's own
// or Chrome's usual places; on a Debian as root it is installed.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { progress, run } from '../servers/command';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const usualPlaces = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** A bare server has no fonts at all; these give text and code a face in the pictures. */
const fonts = ['fonts-dejavu-core', 'fonts-liberation'];

/** Switches for a browser that only ever opens our own loopback address, also as root and without a display. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program of this name on PATH. */
export function onPath(name: string): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => endings.map((ending) => join(folder, name + ending)))
    .find(isExecutable);
}

function find(): string | undefined {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && isExecutable(named)) return named;
  for (const name of names) {
    const path = onPath(name);
    if (path !== undefined) return path;
  }
  return [chromium.executablePath(), ...usualPlaces].find(isExecutable);
}

async function install(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package manager that is already at work, e.g. for another run of these tests, is waited for.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get', ['update', '-qq', ...wait], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wait, 'chromium', ...fonts], {
    env,
  });
}

/** Path of a Chromium or Chrome; installs Debian's when there is none and that is possible. */
export async function chromiumPath(): Promise<string> {
  const found = find();
  if (found !== undefined) return found;
  const canInstall =
    process.platform === 'linux' && process.getuid?.() === 0 && onPath('apt-get') !== undefined;
  if (canInstall) {
    await progress('Installing chromium (apt-get)', install());
    const installed = find();
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'No Chromium was found: not in CHROMIUM_PATH, not on PATH ' +
      `(${names.join(', ')}), not playwright's own (npx playwright-core install chromium), and it could not be ` +
      'installed because this is not a Debian with root rights. Install Chromium or Chrome, or set CHROMIUM_PATH.',
  );
}
