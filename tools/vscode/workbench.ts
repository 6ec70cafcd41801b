// One window of a real workbench, driven like a person would: by mouse and keyboard only. Page objects for the demo
// check and for test/e2e; what a scenario expects is written there, not here.
import { join } from 'node:path';
import type { BrowserContext, FrameLocator, Locator, Page } from 'playwright-core';
import { root } from '../build';
import { clean, eventually, matches, patience, type Expected } from './eventually';
import { LensReader, type LensRow } from './lensReader';
import { QuickInput } from './quickInput';

export const themes = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  'hc-black': 'Dark High Contrast',
  'hc-light': 'Light High Contrast',
} as const;
export type Theme = keyof typeof themes;

/** One row of a tree view as a person reads it. */
export interface TreeRow {
  label: string;
  description: string;
}

/** A modal dialog as a person reads it. */
export interface Dialog {
  message: string;
  detail: string;
  buttons: string[];
}

export class Workbench {
  readonly #lenses: LensReader;
  readonly #quickInput: QuickInput;

  private constructor(readonly page: Page) {
    this.#lenses = new LensReader(page);
    this.#quickInput = new QuickInput(page);
  }

  static async open(profile: BrowserContext, address: string): Promise<Workbench> {
    const page = await profile.newPage();
    try {
      page.setDefaultTimeout(patience);
      await page.goto(address);
      await page.locator('.monaco-workbench .part.statusbar').waitFor();
      // The side bar of a window without a folder may be empty; its icons are there in any.
      await page.locator('.activitybar .action-item').first().waitFor();
      return new Workbench(page);
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  /** As the command does it, which keeps what is open. */
  async reload(): Promise<void> {
    const reloaded = this.page.waitForEvent('domcontentloaded');
    await this.#quickInput.choose('F1', '>Developer: Reload Window', 'Developer: Reload Window');
    await reloaded;
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor();
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  /** Quick open by name; with a line the editor shows that part of the file. */
  async openFile(name: string, line?: number): Promise<void> {
    const text = line === undefined ? name : `${name}:${line}`;
    await this.#quickInput.choose('Control+P', text, name);
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    await this.page.locator('.editor-instance .monaco-editor .view-lines').first().waitFor();
  }

  /** Runs a command of the palette by its whole title (`Migratory: Refresh`). */
  async command(title: string): Promise<void> {
    await this.#quickInput.choose('F1', `>${title}`, title);
    await this.#quickInput.left(`>${title}`);
  }

  /** In the list that is open now, whose boxes are all checked: leaves only this one checked, and confirms. */
  checkOnly(label: string): Promise<void> {
    return this.#quickInput.checkOnly(label);
  }

  /** Titles that the palette offers for this text, once it offers `witness` among them; closes it again. */
  findCommands(text: string, witness: string): Promise<string[]> {
    return this.#quickInput.look('F1', `>${text}`, witness);
  }

  /** Waits until the lenses on the screen are these: one list for each line that has some, from top to bottom. */
  waitForLenses(expected: readonly (readonly Expected[])[]): Promise<LensRow[]> {
    return this.#lenses.waitForAll(expected);
  }

  /** Waits until this lens is there, and answers with its row. */
  waitForLens(expected: Expected): Promise<LensRow> {
    return this.#lenses.waitFor(expected);
  }

  /** Clicks the lens of exactly this text; `row` counts the lines with lenses on the screen from 0. */
  clickLens(text: string, row: number = 0): Promise<void> {
    return this.#lenses.click(text, row);
  }

  /** Opens our view container by its icon in the activity bar. */
  async openContainer(title = 'Migratory'): Promise<void> {
    const tab = this.page.locator('.activitybar .action-item').filter({
      has: this.page.locator(`.action-label[aria-label^="${title}"]`),
    });
    const selected = this.page.locator('.activitybar .action-item[aria-selected="true"]').filter({
      has: this.page.locator(`.action-label[aria-label^="${title}"]`),
    });
    await eventually(
      `${title} to be opened in the activity bar`,
      async () => {
        if ((await tab.getAttribute('aria-selected')) === 'true') return true;
        await tab.click();
        // A second click would close it again.
        await selected.waitFor({ timeout: 5000 });
        return true;
      },
      (isOpen) => isOpen,
    );
  }

  /** Drags the edge of the side bar until it is this wide, in pixels. */
  async widenSideBar(width: number): Promise<void> {
    const sideBar = this.page.locator('.part.sidebar');
    await eventually(
      `a side bar of ${width} pixels`,
      async () => {
        const box = await sideBar.boundingBox();
        if (box === null || Math.abs(box.width - width) <= 2) return box?.width;
        const middle = box.y + box.height / 2;
        await this.page.mouse.move(box.x + box.width, middle);
        await this.page.mouse.down();
        await this.page.mouse.move(box.x + width, middle, { steps: 5 });
        await this.page.mouse.up();
        return (await sideBar.boundingBox())?.width;
      },
      (now) => now !== undefined && Math.abs(now - width) <= 2,
    );
  }

  /** The part of the side bar under a view's title (`Migrations`). */
  view(title: string): Locator {
    return this.page.locator('.sidebar .pane').filter({
      has: this.page.locator('.pane-header .title', { hasText: exactly(title) }),
    });
  }

  /** The row of a view whose label is exactly this. */
  row(view: string, label: string): Locator {
    return this.view(view)
      .locator('.monaco-list-row')
      .filter({ has: this.page.locator('.label-name', { hasText: exactly(label) }) });
  }

  /** Waits until the rows of a view that are on the screen suit. */
  waitForRows(view: string, what: string, suits: (rows: TreeRow[]) => boolean): Promise<TreeRow[]> {
    return eventually(`${what} in ${view}`, () => this.#rows(view), suits);
  }

  /** Waits until the row of this label says this in its description. */
  async waitForRow(view: string, label: string, description: Expected): Promise<TreeRow> {
    const suits = (row: TreeRow): boolean => row.label === label && matches(row.description, description);
    const rows = await this.waitForRows(view, `${label}: ${description}`, (all) => all.some(suits));
    return rows.find(suits) as TreeRow;
  }

  /** All at once, in their order: the rows of a list are not in this order in the page. */
  async #rows(view: string): Promise<TreeRow[]> {
    const rows = await this.view(view)
      .locator('.monaco-list-row')
      .evaluateAll((elements) =>
        elements
          .sort((a, b) => Number(a.getAttribute('data-index')) - Number(b.getAttribute('data-index')))
          .map((element) =>
            ['.label-name', '.label-description'].map((part) =>
              [...element.querySelectorAll<HTMLElement>(part)].map((each) => each.innerText).join(''),
            ),
          ),
      );
    return rows.map(([label = '', description = '']) => ({
      label: clean(label),
      description: clean(description),
    }));
  }

  private get dialogBox(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Waits for a modal dialog that listens to the keyboard, and reads it. */
  async dialog(): Promise<Dialog> {
    await this.#dialogFocus();
    const [message, detail, ...buttons] = await eventually(
      'a dialog with buttons',
      () =>
        this.dialogBox.evaluate((box) =>
          [
            ['.dialog-message-text', '.dialog-message-detail'].map(
              (part) => box.querySelector<HTMLElement>(part)?.innerText ?? '',
            ),
            [...box.querySelectorAll<HTMLElement>('.dialog-buttons .monaco-button')].map(
              (button) => button.innerText,
            ),
          ].flat(),
        ),
      (texts) => texts[0] !== '' && texts.length > 2,
    );
    return { message: clean(message ?? ''), detail: clean(detail ?? ''), buttons: buttons.map(clean) };
  }

  /** Confirms the open dialog as a person in a hurry does: with Enter. */
  async confirmDialog(): Promise<void> {
    await this.#dialogFocus();
    await this.page.keyboard.press('Enter');
    await this.dialogBox.waitFor({ state: 'hidden' });
  }

  /** Leaves the open dialog as it was asked, with Escape. */
  async dismissDialog(): Promise<void> {
    await this.#dialogFocus();
    await this.page.keyboard.press('Escape');
    await this.dialogBox.waitFor({ state: 'hidden' });
  }

  /** Until something in it has the focus, keys go to what is behind it. */
  async #dialogFocus(): Promise<void> {
    await this.page.locator('.monaco-dialog-box:focus-within').waitFor();
  }

  async isDialogOpen(): Promise<boolean> {
    return this.dialogBox.isVisible();
  }

  /** Sends away what lies over the picture. */
  async clearNotifications(): Promise<void> {
    const toasts = this.page.locator('.notifications-toasts .notification-list-item');
    if ((await toasts.count()) === 0) return;
    await this.command('Notifications: Clear All Notifications');
    await toasts.first().waitFor({ state: 'detached' });
  }

  /** The inside of the webview that is shown now. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready >> visible=true').frameLocator('iframe#active-frame');
  }

  /** Waits until the webview says this somewhere, and answers with everything that it said then. */
  waitForWebview(text: Expected): Promise<string> {
    return eventually(
      `the page to say ${text}`,
      async () => clean(await this.webview().locator('body').innerText({ timeout: 5000 })),
      (said) => (typeof text === 'string' ? said.includes(text) : text.test(said)),
    );
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.command('Preferences: Color Theme');
    await this.#quickInput.pick(themes[theme], themes[theme]);
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

/** The whole text and nothing else. */
function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s')}\\s*$`);
}
