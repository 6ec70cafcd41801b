// Shows the workspace of the demo to a person: in the VS Code of this machine, else in a browser.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../build';
import { packageExtension } from '../package';
import { startEditor } from '../vscode/editor';
import { cleanEnvironment } from '../vscode/launch';

type Say = (line: string) => void;

/**
 * VS Code itself, with a profile of its own, so that nothing of the person's is read or changed. Resolves when its
 * window is closed or `ended` does, to false when it could not show one (no display, for example).
 */
export async function openInCode(
  code: string,
  folder: string,
  say: Say,
  ended: Promise<void>,
): Promise<boolean> {
  const profile = await mkdtemp(join(tmpdir(), 'migratory-profile-'));
  const args = [
    '--wait',
    '--new-window',
    '--disable-workspace-trust',
    '--skip-welcome',
    '--user-data-dir',
    join(profile, 'user'),
    '--extensions-dir',
    join(profile, 'extensions'),
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    `--extensionDevelopmentPath=${root}`,
    folder,
  ];
  const windows = process.platform === 'win32';
  const child = spawn(windows ? `"${code}"` : code, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: cleanEnvironment(),
    shell: windows,
  });
  let complaint = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  say('The sample workspace opens in VS Code. Close its window or press Ctrl-C here to end the demo.');
  const trouble = once(child, 'close').then(
    ([status]) => whyNothingWasShown(status as number | null, complaint),
    (error: Error) => error.message,
  );
  try {
    const why = await Promise.race([trouble, ended]);
    if (why === undefined) return true;
    say(`VS Code (${code}) did not open: ${why}`);
    return false;
  } finally {
    child.kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Undefined when a person has closed the window. Without a display VS Code ends at once, silently and with 0. */
function whyNothingWasShown(status: number | null, complaint: string): string | undefined {
  if (status !== 0) return `${complaint.trim().split(/\r?\n/).at(-1) ?? ''} (it ended with ${status})`.trim();
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) return 'there is no display.';
  return undefined;
}

/** The code-server build of VS Code with the packaged extension, until `ended`. */
export async function openInBrowser(folder: string, say: Say, ended: Promise<void>): Promise<void> {
  const editor = await startEditor({
    vsix: await packageExtension(),
    name: 'demo',
    settings: { 'security.workspace.trust.enabled': false },
  });
  try {
    say(`\nOpen  ${editor.address(folder)}\n\nCtrl-C ends the demo.`);
    await ended;
  } finally {
    say('Ending the demo ...');
    await editor.stop();
  }
}
