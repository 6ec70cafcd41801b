// The panel alone in a browser, without an editor around it: its own bundle, its own style sheet, the content
// policy of the real webview and a host that only writes down what it is sent.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { RunSnapshot } from '../../../src/protocol/events';
import type { PanelHostMessage, PanelMessage } from '../../../src/protocol/panel';
import { chromiumArgs, chromiumPath } from '../../../tools/vscode/chromium';
import { themes, type ThemeName } from './themes';

const root = join(import.meta.dirname, '..', '..', '..');

/** What the editor gives to a webview, before the panel's script. */
const fakeEditor = `
  window.sent = [];
  let state = JSON.parse(sessionStorage.getItem('state') ?? 'null');
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => void window.sent.push(message),
    getState: () => state,
    setState: (next) => { state = next; sessionStorage.setItem('state', JSON.stringify(next)); },
  });
  window.policyViolations = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    window.policyViolations.push(event.violatedDirective + ' ' + event.sourceFile);
  });`;

declare global {
  interface Window {
    sent: PanelMessage[];
    policyViolations: string[];
  }
}

export class PanelHarness {
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(server: Server, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
  }

  static async start(): Promise<PanelHarness> {
    const bundle = await build({
      entryPoints: [join(root, 'src/webview/panel.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      tsconfig: join(root, 'tsconfig.json'),
    });
    const files = await panelFiles(bundle.outputFiles[0]?.contents ?? new Uint8Array());
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      const file =
        url.pathname === '/' ? pageFor(url.searchParams.get('theme') as ThemeName) : files[url.pathname];
      if (file) response.writeHead(200, { 'content-type': file.type }).end(file.body);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath: await chromiumPath(), args: chromiumArgs });
    return new PanelHarness(server, browser);
  }

  /** A panel of this width and theme that has said `ready`. */
  async open(theme: ThemeName, width: number, reducedMotion: boolean = true): Promise<Panel> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
      timezoneId: 'UTC',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    const panel = new Panel(page);
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/?theme=${theme}`);
    await page.waitForFunction(() => window.sent.some((message) => message.type === 'ready'));
    return panel;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}

export class Panel {
  readonly page: Page;
  readonly errors: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  /** Sends a message as the host does and waits for the drawing after it. */
  async receive(message: PanelHostMessage): Promise<void> {
    await this.page.evaluate(
      (data) =>
        new Promise<void>((resolve) => {
          window.postMessage(data, '*');
          setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
        }),
      message,
    );
  }

  show(snapshot: RunSnapshot): Promise<void> {
    return this.receive({ type: 'snapshot', snapshot });
  }

  /** What the panel has sent since the last call, without `ready`. */
  sent(): Promise<PanelMessage[]> {
    return this.page.evaluate(() => window.sent.splice(0).filter((message) => message.type !== 'ready'));
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}

interface StaticFile {
  type: string;
  body: string | Buffer;
}

async function panelFiles(script: Uint8Array): Promise<Record<string, StaticFile>> {
  const codicons = join(root, 'node_modules', '@vscode', 'codicons', 'dist');
  const files: Record<string, StaticFile> = {
    '/panel.js': { type: 'text/javascript', body: Buffer.from(script) },
    '/panel.css': { type: 'text/css', body: await readFile(join(root, 'media', 'panel.css')) },
    '/codicon.css': { type: 'text/css', body: await readFile(join(codicons, 'codicon.css')) },
    '/codicon.ttf': { type: 'font/ttf', body: await readFile(join(codicons, 'codicon.ttf')) },
  };
  for (const [name, { colours }] of Object.entries(themes)) {
    const variables = Object.entries(colours).map(([key, value]) => `--vscode-${key}: ${value};`);
    files[`/${name}.css`] = { type: 'text/css', body: `html { ${variables.join(' ')} }` };
  }
  return files;
}

/** The policy is the real webview's: a nonce for the script, styles and fonts from the extension, nothing else. */
function pageFor(name: ThemeName): StaticFile {
  const theme = Object.hasOwn(themes, name) ? name : 'dark';
  const policy = `default-src 'none'; script-src 'nonce-panel'; style-src 'self'; font-src 'self'`;
  return {
    type: 'text/html; charset=utf-8',
    body: `<!doctype html>
<html lang="en">
<head>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Migration run</title>
<link rel="stylesheet" href="/${theme}.css">
<link rel="stylesheet" href="/codicon.css">
<link rel="stylesheet" href="/panel.css">
<script nonce="panel">${fakeEditor}</script>
</head>
<body class="${themes[theme].body}"><script nonce="panel" src="/panel.js"></script></body>
</html>`,
  };
}
