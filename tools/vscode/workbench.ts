// A real workbench with the packaged extension installed, driven like a person would: by mouse and keyboard only.
// Page objects for the demo check and for test/e2e; what a scenario expects is written there, not here.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BrowserContext, FrameLocator, Locator, Page } from 'playwright-core';
import { root } from '../build';
import { run } from '../servers/command';
import { codeServer } from './codeServer';
import { cleanEnvironment, launchBrowser, startBackground, type Background } from './launch';

/** How long anything on the screen may take to come, in milliseconds. */
const patience = 30_000;

const themes = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  'hc-black': 'Dark High Contrast',
  'hc-light': 'Light High Contrast',
} as const;
export type Theme = keyof typeof themes;

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

/** One row of a tree view as a person reads it. */
export interface TreeRow {
  label: string;
  description: string;
}

/** The lenses above one line of code. */
export type LensRow = string[];

/** A modal dialog as a person reads it. */
export interface Dialog {
  message: string;
  detail: string;
  buttons: string[];
}

/** One window of the editor. */
export class Workbench {
  private constructor(readonly page: Page) {}

  static async open(profile: BrowserContext, address: string): Promise<Workbench> {
    const page = await profile.newPage();
    try {
      page.setDefaultTimeout(patience);
      await page.goto(address);
      await page.locator('.monaco-workbench .part.statusbar').waitFor();
      await page.locator('.explorer-folders-view, .explorer-viewlet').first().waitFor();
      return new Workbench(page);
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  /** Quick open by name; with a line the editor shows that part of the file. */
  async openFile(name: string, line?: number): Promise<void> {
    await this.quickInput('Control+P', line === undefined ? name : `${name}:${line}`);
    await this.pick(name);
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    await this.page.locator('.editor-instance .monaco-editor .view-lines').first().waitFor();
  }

  /** Runs a command of the palette by its whole title (`Migratory: Refresh`). */
  async command(title: string): Promise<void> {
    await this.quickInput('F1', `>${title}`);
    await this.pick(title);
  }

  /** Titles that the palette offers for this text, once it offers `witness` among them; closes it again. */
  async findCommands(text: string, witness: string): Promise<string[]> {
    await this.quickInput('F1', `>${text}`);
    const labels = this.page.locator('.quick-input-list .quick-input-list-label .label-name');
    await labels
      .filter({ hasText: exactly(witness) })
      .first()
      .waitFor();
    const titles = await labels.allInnerTexts();
    await this.page.keyboard.press('Escape');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    return titles.map(clean);
  }

  /** Types into the quick input that is open now (a question of the extension) and confirms. */
  async answer(text: string): Promise<void> {
    const input = this.page
      .locator('.quick-input-widget input[type=text], .quick-input-widget .input')
      .first();
    await input.waitFor();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press('Enter');
  }

  private async quickInput(shortcut: string, text: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const input = widget.locator('.quick-input-box input');
    await this.page.keyboard.press(shortcut);
    await input.waitFor();
    await input.fill(text);
  }

  /** Takes the row of the quick input whose label is exactly this, however long its search takes. */
  private async pick(label: string): Promise<void> {
    const rows = this.page.locator('.quick-input-list .monaco-list-row');
    const row = rows.filter({
      has: this.page.locator('.quick-input-list-label .label-name', { hasText: exactly(label) }),
    });
    await row.first().click();
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** The lenses on the screen, one entry for each line that has some, from top to bottom. */
  async lenses(): Promise<LensRow[]> {
    const rows = await this.lensRows();
    return rows.map((row) => row.texts);
  }

  /** Waits until a lens whose text contains this is there, and answers with all rows. */
  async waitForLens(text: string): Promise<LensRow[]> {
    await this.lensLinks(text).first().waitFor();
    return this.lenses();
  }

  /** Clicks the lens of exactly this text; `row` counts the lines with lenses on the screen from 0. */
  async clickLens(text: string, row = 0): Promise<void> {
    await this.page
      .locator('.codelens-decoration a')
      .filter({ hasText: exactly(text) })
      .first()
      .waitFor();
    const target = (await this.lensRows())[row];
    if (target === undefined) throw new Error(`There is no row ${row} of lenses`);
    const link = target.element.locator('a').filter({ hasText: exactly(text) });
    await link.click();
  }

  private lensLinks(text: string): Locator {
    return this.page.locator('.codelens-decoration').filter({ hasText: text });
  }

  private async lensRows(): Promise<{ element: Locator; top: number; texts: LensRow }[]> {
    const rows = [];
    for (const element of await this.page.locator('.codelens-decoration').all()) {
      const box = await element.boundingBox();
      if (box === null) continue;
      const texts = await element.locator('a, span:not(:has(*))').allInnerTexts();
      const shown = texts.map(clean).filter((text) => text !== '' && text !== '|');
      if (shown.length > 0) rows.push({ element, top: box.y, texts: shown });
    }
    return rows.sort((a, b) => a.top - b.top);
  }

  /** Opens our view container by its icon in the activity bar. */
  async openContainer(title = 'Migratory'): Promise<void> {
    const tab = this.page.locator('.activitybar .action-item').filter({
      has: this.page.locator(`.action-label[aria-label^="${title}"]`),
    });
    if ((await tab.getAttribute('aria-selected')) === 'true') return;
    await tab.click();
  }

  /** Drags the edge of the side bar until it is this wide, in pixels. */
  async widenSideBar(width: number): Promise<void> {
    const box = await this.page.locator('.part.sidebar').boundingBox();
    if (box === null) throw new Error('There is no side bar');
    const middle = box.y + box.height / 2;
    await this.page.mouse.move(box.x + box.width, middle);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + width, middle, { steps: 5 });
    await this.page.mouse.up();
  }

  /** The part of the side bar under a view's title (`Migrations`). */
  view(title: string): Locator {
    return this.page.locator('.sidebar .pane').filter({
      has: this.page.locator('.pane-header .title', { hasText: exactly(title) }),
    });
  }

  /** The rows of a view that are on the screen. */
  async rows(title: string): Promise<TreeRow[]> {
    const rows: TreeRow[] = [];
    for (const row of await this.view(title).locator('.monaco-list-row').all()) {
      rows.push({
        label: clean((await row.locator('.label-name').allInnerTexts()).join('')),
        description: clean((await row.locator('.label-description').allInnerTexts()).join('')),
      });
    }
    return rows;
  }

  /** The row of a view whose label is exactly this. */
  row(view: string, label: string): Locator {
    return this.view(view)
      .locator('.monaco-list-row')
      .filter({ has: this.page.locator('.label-name', { hasText: exactly(label) }) });
  }

  /** Waits until the row of this label says something in its description. */
  async waitForRow(view: string, label: string, description: string | RegExp): Promise<TreeRow> {
    const row = this.row(view, label);
    await row.locator('.label-description').filter({ hasText: description }).first().waitFor();
    const found = (await this.rows(view)).find((each) => each.label === label);
    if (found === undefined) throw new Error(`${view} lost its row ${label}`);
    return found;
  }

  private get dialogBox(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Waits for a modal dialog and reads it. */
  async dialog(): Promise<Dialog> {
    await this.dialogBox.waitFor();
    const text = async (selector: string): Promise<string> =>
      clean((await this.dialogBox.locator(selector).allInnerTexts()).join(' '));
    return {
      message: await text('.dialog-message-text'),
      detail: await text('.dialog-message-detail'),
      buttons: (await this.dialogBox.locator('.dialog-buttons .monaco-button').allInnerTexts()).map(clean),
    };
  }

  /** Confirms the open dialog as a person in a hurry does: with Enter. */
  async confirmDialog(): Promise<void> {
    await this.page.keyboard.press('Enter');
    await this.dialogBox.waitFor({ state: 'hidden' });
  }

  async cancelDialog(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.dialogBox.waitFor({ state: 'hidden' });
  }

  async isDialogOpen(): Promise<boolean> {
    return this.dialogBox.isVisible();
  }

  /** Texts of the toasts on the screen. */
  async notifications(): Promise<string[]> {
    const texts = await this.toasts().locator('.notification-list-item-message').allInnerTexts();
    return texts.map(clean);
  }

  /** Waits for a toast that says this and answers with its whole text. */
  async waitForNotification(text: string | RegExp): Promise<string> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.waitFor();
    return clean(await toast.locator('.notification-list-item-message').innerText());
  }

  /** Clicks a button of the toast that says this. */
  async clickNotification(text: string | RegExp, button: string): Promise<void> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.locator('.monaco-button', { hasText: exactly(button) }).click();
  }

  /** Labels of the buttons of the toast that says this. */
  async notificationButtons(text: string | RegExp): Promise<string[]> {
    const toast = this.toasts().filter({ hasText: text }).first();
    await toast.waitFor();
    return (await toast.locator('.monaco-button').allInnerTexts()).map(clean).filter((label) => label !== '');
  }

  async clearNotifications(): Promise<void> {
    if ((await this.toasts().count()) > 0) await this.command('Notifications: Clear All Notifications');
  }

  private toasts(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item');
  }

  /** The inside of the webview that is shown now. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready >> visible=true').frameLocator('iframe#active-frame');
  }

  /** Everything that the webview says, as one text. */
  async webviewText(): Promise<string> {
    return clean(await this.webview().locator('body').innerText());
  }

  /** Waits until the webview says something that matches. */
  async waitForWebview(text: string | RegExp): Promise<string> {
    await this.webview().locator('body').filter({ hasText: text }).waitFor();
    return this.webviewText();
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.quickInput('F1', '>Preferences: Color Theme');
    const rows = this.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Preferences: Color Theme' }).first().click();
    const input = this.page.locator('.quick-input-widget .quick-input-box input');
    await this.page
      .locator('.quick-input-list .monaco-list-row')
      .filter({ hasText: themes.dark })
      .first()
      .waitFor();
    await input.fill(themes[theme]);
    await this.pick(themes[theme]);
    const classes = { dark: 'vs-dark', light: 'vs', 'hc-black': 'hc-black', 'hc-light': 'hc-light' };
    await this.page.locator(`.monaco-workbench.${classes[theme]}`).waitFor();
  }

  /** Saves a picture of the whole window as out/<name>.png and answers with its path in the checkout. */
  async screenshot(name: string): Promise<string> {
    const path = join('out', `${name}.png`);
    await this.page.screenshot({ path: join(root, path), animations: 'disabled', caret: 'hide' });
    return path;
  }
}

/** Blanks of the editor's own (no-break spaces, line ends) as one space. */
function clean(text: string): string {
  return text.replace(/[\s ]+/g, ' ').trim();
}

/** The whole text and nothing else. */
function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s')}\\s*$`);
}
