// The box at the top of the window that commands, files and questions are picked and typed in. Its list fills while
// one looks at it, so a row is clicked only when the list has come to rest.
import type { Locator, Page } from 'playwright-core';
import { clean, eventually } from './eventually';

export class QuickInput {
  readonly #widget: Locator;
  readonly #input: Locator;

  constructor(private readonly page: Page) {
    this.#widget = page.locator('.quick-input-widget');
    this.#input = this.#widget.locator('.quick-input-box input');
  }

  /**
   * Opens it by its key, types, and takes the row of exactly this label. The list of commands stays as it was when it
   * was opened, so where the row does not come (the window is still loading) it is opened anew.
   */
  async choose(shortcut: string, text: string, label: string): Promise<void> {
    await this.#open(shortcut, text, label);
    await this.#click(label);
  }

  /** Takes the row of exactly this label in the list that is open now, and waits until that was understood. */
  async pick(label: string, text: string): Promise<void> {
    await this.#offered(text, label);
    await this.#click(label);
    await this.left(text);
  }

  /** Opens the list, and answers with its labels once this one is among them. */
  #open(shortcut: string, text: string, label: string): Promise<string[]> {
    return eventually(
      `${shortcut} to offer ${label}`,
      async () => {
        if (!(await this.#input.isVisible())) await this.page.keyboard.press(shortcut);
        await this.#input.waitFor({ timeout: 5000 });
        try {
          return await this.#offered(text, label, 5000);
        } catch (error) {
          await this.close();
          throw error;
        }
      },
      () => true,
    );
  }

  async #click(label: string): Promise<void> {
    await eventually(
      `${label} to be picked`,
      async () => {
        const rows = await this.#rows();
        const place = rows.find((row) => row.label === label)?.place;
        if (place === undefined) return rows;
        const row = this.#widget.locator(`.quick-input-list .monaco-list-row[data-index="${place}"]`);
        await row.filter({ hasText: label }).click({ timeout: 2000 });
        return true;
      },
      (picked) => picked === true,
    );
  }

  /** In a list whose boxes are all checked: leaves only this one checked, and confirms. */
  async checkOnly(label: string): Promise<void> {
    await this.#offered('', label);
    await this.#widget.getByRole('checkbox', { name: 'Toggle all checkboxes' }).click();
    await this.#widget.getByText('0 Selected').waitFor();
    await this.#click(label);
    await this.#widget.getByText('1 Selected').waitFor();
    await this.#input.press('Enter');
    await this.#widget.waitFor({ state: 'hidden' });
  }

  /** The labels that a key and a text offer, once one of them is `witness`; closes it again. */
  async look(shortcut: string, text: string, witness: string): Promise<string[]> {
    const labels = await this.#open(shortcut, text, witness);
    await this.close();
    return labels;
  }

  async close(): Promise<void> {
    await this.#input.press('Escape');
    await this.#widget.waitFor({ state: 'hidden' });
  }

  async #fill(text: string): Promise<void> {
    await eventually(
      `"${text}" to be typed`,
      async () => {
        if ((await this.#input.inputValue()) !== text) await this.#input.fill(text);
        return this.#input.inputValue();
      },
      (value) => value === text,
    );
  }

  /** It is gone, or asks the next question. */
  async left(text: string): Promise<void> {
    await eventually(
      'the quick input to be done',
      async () => !(await this.#widget.isVisible()) || (await this.#input.inputValue()) !== text,
      (isDone) => isDone,
    );
  }

  /** The labels once this one is among them and they were the same twice. */
  async #offered(text: string, label: string, timeoutMs?: number): Promise<string[]> {
    let before: string | undefined;
    return eventually(
      `${label} in the list for "${text}"`,
      async () => {
        await this.#fill(text);
        return (await this.#rows()).map((row) => row.label);
      },
      (labels) => {
        const now = JSON.stringify(labels);
        const isSettled = now === before;
        before = now;
        return isSettled && labels.includes(label);
      },
      timeoutMs,
    );
  }

  /** In the order of the list; they are not in this order in the page. */
  async #rows(): Promise<{ place: number; label: string }[]> {
    const rows = await this.#widget.locator('.quick-input-list .monaco-list-row').evaluateAll((elements) =>
      elements.map((element) => ({
        place: Number(element.getAttribute('data-index')),
        // The first: what stands below it in a row of its own is dressed as a label too.
        label: element.querySelector<HTMLElement>('.quick-input-list-label .label-name')?.innerText ?? '',
      })),
    );
    return rows.sort((a, b) => a.place - b.place).map(({ place, label }) => ({ place, label: clean(label) }));
  }
}
