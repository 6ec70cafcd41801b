// The first minutes with the extension: windows without anything in them, the first connection, the sandbox server,
// several folders, and German.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Editor } from '../../tools/vscode/editor';
import type { Workbench } from '../../tools/vscode/workbench';
import { guardedServer } from '../support/server';
import { pictures } from './support/pictures';
import { scene } from './support/scene';

const name = '20240101000000-one.js';
const script = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;
const nothingYet = 'There are no migrations in this folder yet.';

/** Types into the box that asks for this, and presses Enter. */
async function answer({ page }: Workbench, prompt: string, typed?: string): Promise<void> {
  const widget = page.locator('.quick-input-widget');
  await widget.getByText(prompt).first().waitFor();
  if (typed !== undefined) await widget.locator('input').first().fill(typed);
  await page.keyboard.press('Enter');
  await widget.getByText(prompt).first().waitFor({ state: 'hidden' });
}

describe('a folder without anything of ours', () => {
  it('says how to begin, and takes a first connection from a mistyped password to its state', () =>
    scene('first', { files: { 'README.md': '# shop\n' }, connections: null }, async ({ window }) => {
      const { page } = window;
      const { servers } = await guardedServer();
      const [migrations, connections, runs] = ['Migrations', 'Connections', 'Runs'].map((title) =>
        window.view(title),
      );
      assert.ok(migrations && connections && runs);
      await window.openContainer();
      await migrations.getByRole('button', { name: 'New Migration…' }).waitFor();
      await connections.getByRole('button', { name: 'Add Connection…' }).waitFor();
      await connections.getByRole('button', { name: 'Start Sandbox Server' }).waitFor();
      await runs.getByText('Runs of the selected database appear here as soon as it answers.').waitFor();
      await pictures(window, 'welcome');

      const paste = 'Paste the connection string';
      const open = async (): Promise<void> => {
        await window.command('Migratory: Add Connection…');
        await page.locator('.quick-input-widget').getByText(paste).waitFor();
      };
      await pictures(window, 'connection-form', open, () => page.keyboard.press('Escape'));

      const secret = 'not-the-password-5e1c';
      await open();
      await answer(window, paste, servers.uri.replace(/:[^:@/]+@/, `:${secret}@`));
      await answer(window, 'Database that holds', 'shop');
      await answer(window, 'Name of the connection');
      await answer(window, 'Runs there ask for the name');
      const failed = await window.dialog();
      assert.equal(failed.message, 'Test failed: Login');
      assert.match(failed.detail, /refused the login/);
      assert.doesNotMatch(failed.detail, /remote window/);
      assert.ok(!(await page.locator('body').innerText()).includes(secret), 'the password is on the screen');
      await window.screenshot('e2e-connection-refused');
      await window.confirmDialog();
      await answer(window, paste, servers.uri);
      await answer(window, 'Database that holds');
      await answer(window, 'Name of the connection');
      await answer(window, 'Runs there ask for the name');

      // The name was made of the target, which therefore is not said twice.
      await window.waitForRows('Connections', 'the connection', (rows) =>
        rows.some(({ label, description }) => label.startsWith('shop on ') && description === 'selected'),
      );
      await runs.getByText('Nothing has run on this database yet.').waitFor();
      await migrations.getByText(nothingYet).waitFor();
      assert.equal(await page.locator('.sidebar .codicon-error').count(), 0);
    }));

  it('has a database within seconds by Start Sandbox Server', () =>
    scene('sandbox', { files: { [`migrations/${name}`]: script }, connections: null }, async ({ window }) => {
      await window.openContainer();
      await window.view('Connections').getByRole('button', { name: 'Start Sandbox Server' }).click();
      await window.waitForRow('Connections', 'sandbox', /^sandbox on 127\.0\.0\.1:\d+ · selected$/);
      await window.waitForRow('Migrations', name, 'pending');
      const item = window.page.locator('.statusbar-item', { hasText: 'sandbox on' });
      await item.getByText('1 pending').waitFor();
      await pictures(window, 'sandbox');
      await window.command('Migratory: Stop Sandbox Server');
      await window.view('Connections').getByRole('button', { name: 'Start Sandbox Server' }).waitFor();
    }));

  it('offers to write, but not to run, where it is not trusted', () =>
    scene('untrusted', { files: {}, connections: null, restricted: true }, async ({ window }) => {
      await window.openContainer();
      await window.view('Migrations').getByText('they run when you trust the folder').waitFor();
      await window.view('Migrations').getByRole('button', { name: 'Manage Workspace Trust' }).waitFor();
      await window.screenshot('e2e-welcome-restricted');
    }));
});

/** Now and then the editor begins with a workspace file as if there were no folder in it, and stays so. */
async function openWorkspace(editor: Editor, file: string): Promise<Workbench> {
  for (let tries = 1; ; tries++) {
    const window = await editor.open(file);
    await window.openContainer();
    const row = window.view('Migrations').getByText(name).first();
    const found = await row.waitFor({ timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (found) return window;
    await window.close();
    assert.ok(tries < 4, 'the editor shows no folders of the workspace');
  }
}

describe('a window', () => {
  it('says what it shows: without a folder, with several, in German, and at its folder of migrations', () =>
    scene('windows', { files: { [`migrations/${name}`]: script } }, async ({ window, folder, editor }) => {
      const empty = await editor.open();
      try {
        await empty.openContainer();
        await empty.view('Migrations').getByRole('button', { name: 'Open Folder' }).waitFor();
        await empty.screenshot('e2e-welcome-no-folder');
        // What needs a folder is not even offered.
        const found = await empty.findCommands('Migratory: Run', 'Migratory: Show Run');
        assert.ok(
          !found.some((title) => /: (Run|Dry Run|Roll Back|Validate)\b/.test(title)),
          found.join(', '),
        );
      } finally {
        await empty.close();
      }

      const other = join(folder, 'crm', 'migrations');
      await mkdir(other, { recursive: true });
      await writeFile(join(other, '20240101000000-crm.js'), script);
      const file = join(folder, 'all.code-workspace');
      await writeFile(file, JSON.stringify({ folders: [{ path: 'crm' }, { path: '.', name: 'shop' }] }));
      const several = await openWorkspace(editor, file);
      try {
        await several.waitForRow('Migrations', name, 'pending');
        const said = 'These are the migrations of shop. Those of crm are shown in a window of their own.';
        await several.view('Migrations').getByText(said).waitFor();
        await several.screenshot('e2e-several-folders');
      } finally {
        await several.close();
      }

      const german = await editor.openIn('de', folder);
      try {
        await german.openContainer();
        await german.waitForRow('Migrationen', name, 'ausstehend');
        await german.openFile(name);
        const lenses = await german.waitForLens('ausstehend');
        assert.deepEqual(lenses.slice(0, 3), ['Ausführen', 'Probelauf', 'Prüfen']);
        await german.page.locator('.statusbar-item', { hasText: '1 ausstehend' }).waitFor();
        await german.clickLens('Ausführen');
        const question = await german.dialog();
        assert.match(
          question.message,
          new RegExp(`^„${name}“ auf \\S+ \\(127\\.0\\.0\\.1:\\d+\\) ausführen\\?$`),
        );
        assert.match(question.detail, /Richtung: up \(anwenden\)/);
        await german.screenshot('e2e-german');
        await german.dismissDialog();
      } finally {
        await german.page.context().close();
      }
      // What came into the folder meanwhile is not left to how soon somebody tells the explorer.
      await window.command('View: Show Explorer');
      await window.command('Refresh Explorer');
      const folders = window.page.locator('.explorer-folders-view .monaco-list-row');
      const offered = window.page.locator('.monaco-menu .action-label', { hasText: 'New Migration…' });
      for (const [label, count] of [
        ['crm', 0],
        ['migrations', 1],
      ] as const) {
        await folders.filter({ hasText: label }).first().click({ button: 'right' });
        await window.page.locator('.monaco-menu .action-label', { hasText: 'New File' }).waitFor();
        assert.equal(await offered.count(), count, label);
        await window.page.keyboard.press('Escape');
      }
    }));
});
