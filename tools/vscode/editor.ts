// An editor's server with the packaged extension installed, in a profile of its own, and the windows opened on it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { root } from '../build';
import { run } from '../servers/command';
import { codeServer } from './codeServer';
import { cleanEnvironment, launchBrowser, startBackground, type Background } from './launch';
import { themes, Workbench } from './workbench';

/** Steady pictures and nothing on the screen that is not ours. */
const steadySettings = {
  'chat.disableAIFeatures': true,
  'editor.minimap.enabled': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'security.workspace.trust.banner': 'always',
  'security.workspace.trust.startupPrompt': 'never',
  'telemetry.telemetryLevel': 'off',
  'typescript.disableAutomaticTypeAcquisition': true,
  'window.autoDetectColorScheme': false,
  'workbench.colorTheme': themes.dark,
  'workbench.editor.enablePreview': false,
  'workbench.editor.useModal': 'off',
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

export interface EditorOptions {
  /** The packaged extension. */
  vsix: string;
  /** More settings of the user, or others than ours. */
  settings?: Record<string, unknown>;
  /** Name of its log file in out/. */
  name: string;
}

/** An editor's server with the extension installed. */
export interface Editor {
  /** Address of a window that shows this folder. */
  address(folder: string): string;
  /** Opens a window on this folder. Windows share one browser profile, as a person's windows do. */
  open(folder: string): Promise<Workbench>;
  stop(): Promise<void>;
}

/** Starts code-server with a profile of its own and the extension in it. */
export async function startEditor(options: EditorOptions): Promise<Editor> {
  const { node, entry } = await codeServer();
  const data = await mkdtemp(join(tmpdir(), 'migratory-editor-'));
  const places = ['--user-data-dir', join(data, 'user'), '--extensions-dir', join(data, 'extensions')];
  let server: Background;
  try {
    const settings = join(data, 'user', 'User', 'settings.json');
    await mkdir(dirname(settings), { recursive: true });
    await writeFile(settings, JSON.stringify({ ...steadySettings, ...options.settings }));
    const config = join(data, 'config.yaml');
    await writeFile(config, 'auth: none\ncert: false\n');
    const base = [entry, '--config', config, ...places];
    await run(node, [...base, '--install-extension', options.vsix], { env: cleanEnvironment() });
    server = await startBackground({
      command: node,
      args: [
        ...base,
        '--auth',
        'none',
        '--bind-addr',
        '127.0.0.1:0',
        '--disable-telemetry',
        '--disable-update-check',
        '--disable-getting-started-override',
      ],
      ready: /listening on (http:\/\/127\.0\.0\.1:\d+)/,
      log: join(root, 'out', `${options.name}.log`),
    });
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  const url = server.match[1] as string;
  const address = (folder: string): string => `${url}/?folder=${encodeURIComponent(folder)}`;
  let profile: Promise<BrowserContext> | undefined;
  return {
    address,
    async open(folder) {
      profile ??= openProfile();
      return Workbench.open(await profile, address(folder));
    },
    async stop() {
      await (await profile)?.browser()?.close();
      await server.stop();
      await rm(data, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function openProfile(): Promise<BrowserContext> {
  const browser = await launchBrowser();
  return browser.newContext({
    viewport: { width: 1600, height: 1000 },
    deviceScaleFactor: 1,
    reducedMotion: 'reduce',
    locale: 'en-US',
  });
}
