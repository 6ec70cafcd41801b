// An editor's server with the packaged extension installed, in a profile of its own, and the windows opened on it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
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
  /** A folder that comes first on the PATH of what the editor starts. */
  programs?: string;
}

/** An editor's server with the extension installed. */
export interface Editor {
  /** Address of a window that shows this folder, this `.code-workspace`, or nothing at all. */
  address(folder?: string): string;
  /** Opens a window on it. Windows share one browser profile, as a person's windows do. */
  open(folder?: string): Promise<Workbench>;
  /** Opens a window in a profile of its own, in which the editor speaks this language. */
  openIn(language: string, folder: string): Promise<Workbench>;
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
      env: pathOf(options),
    });
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  const url = server.match[1] as string;
  const address = (folder?: string): string => {
    if (folder === undefined) return `${url}/?ew=true`;
    const kind = folder.endsWith('.code-workspace') ? 'workspace' : 'folder';
    return `${url}/?${kind}=${encodeURIComponent(folder)}`;
  };
  let profile: Promise<BrowserContext> | undefined;
  return {
    address,
    async open(folder) {
      profile ??= openProfile();
      return Workbench.open(await profile, address(folder));
    },
    async openIn(language, folder) {
      profile ??= openProfile();
      const browser = (await profile).browser();
      if (!browser) throw new Error('The browser has ended');
      const own = await openProfile(browser);
      // What a language pack would set: texts of the editor itself stay English, those of extensions do not.
      const says = JSON.stringify(language);
      await own.addInitScript(
        `Object.defineProperty(globalThis, '_VSCODE_NLS_LANGUAGE', { get: () => ${says}, set() {} });`,
      );
      return Workbench.open(own, address(folder));
    },
    async stop() {
      await (await profile)?.browser()?.close();
      await server.stop();
      await rm(data, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

function pathOf({ programs }: EditorOptions): Record<string, string> {
  if (programs === undefined) return {};
  // Started from a command line it takes the environment as it is, and does not ask the login shell for another PATH.
  return { PATH: [programs, process.env['PATH']].join(delimiter), VSCODE_CLI: '1' };
}

async function openProfile(inside?: Browser): Promise<BrowserContext> {
  const browser = inside ?? (await launchBrowser());
  return browser.newContext({
    viewport: { width: 1600, height: 1000 },
    deviceScaleFactor: 1,
    reducedMotion: 'reduce',
    locale: 'en-US',
  });
}
